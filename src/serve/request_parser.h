// From the bytes of a request head to what they mean, and through a request's chunked body to its
// end. Pure. The only place that includes Beast.
#pragma once

#include "refusal.h"

#include "entrepot/serve/request.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

namespace entrepot::serve {

// How the request's body ends.
struct BodyFraming {
  bool chunked = false;
  uint64_t length = 0;  // if not chunked

  bool empty() const { return !chunked && length == 0; }
};

struct ParsedHead {
  Request request;  // all but `remote`
  BodyFraming body;
  bool keep_alive = false;        // the client would go on using the connection
  bool expects_continue = false;  // it waits for 100 (Continue) before it sends the body
};

// `head`: one whole head that HeadScanner let pass.
std::variant<ParsedHead, Refusal> parse_head(std::string_view head);

// Passes over a chunked body.
class ChunkedBody {
 public:
  ChunkedBody();
  ~ChunkedBody();

  enum class State { kMore, kDone, kBad };
  // Reads on in `bytes`; the first `consumed` of them are done with, the others come again.
  State feed(std::string_view bytes, size_t& consumed);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace entrepot::serve
