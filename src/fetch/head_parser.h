// Tells the final head of an answer from those of 1xx and of redirects. Pure.
#pragma once

#include "entrepot/fetch/request.h"

#include <cstddef>
#include <string_view>

namespace entrepot::fetch {

// Is fed every header line in the order in which libcurl hands them over.
class HeadParser {
 public:
  enum class Step {
    kMore,      // not at a head's end, or at the end of a 1xx
    kRedirect,  // the end of a head that libcurl will follow to location()
    kFinal,     // the end of the answer's head; what comes later are trailers
    kTooLarge,  // more than kMaxHead bytes of head
  };
  static constexpr size_t kMaxHead = 256 * 1024;

  explicit HeadParser(bool follow_redirects) : follow_redirects_(follow_redirects) {}

  Step feed(std::string_view line);
  // The latest head, or as much as there is of it; a status of 0: nothing came yet.
  ResponseHead& head() { return head_; }
  const ResponseHead& head() const { return head_; }
  std::string_view location() const { return head_.header("location"); }

 private:
  Step end_of_head();
  void add_header(std::string_view line);

  const bool follow_redirects_;
  ResponseHead head_;
  size_t size_ = 0;
  bool final_ = false;
};

}  // namespace entrepot::fetch
