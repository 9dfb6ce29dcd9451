// One client's connection: request after request until one side ends it.
#pragma once

#include "head_scanner.h"
#include "input_buffer.h"
#include "lane.h"
#include "refusal.h"
#include "request_parser.h"
#include "response_writer.h"
#include "stream.h"

#include "entrepot/base/task.h"
#include "entrepot/base/unique_fd.h"
#include "entrepot/serve/response.h"

#include <cstddef>
#include <optional>
#include <string>

namespace entrepot::serve {

// A socket fresh from accept.
struct Arrival {
  Seat seat;
  UniqueFd socket;
  int family;
  std::string remote;
};

// Serves a connection to its end, on the seat's lane. The connection lives in this task.
Task<> serve_connection(Arrival arrival);

// On its worker only.
class Connection {
 public:
  Connection(Lane& lane, UniqueFd socket, int family, std::string remote);
  ~Connection();
  Connection(const Connection&) = delete;

  Task<> run();

  // Of the request that is being handled.
  ResponseWriter& writer() { return *writer_; }

  // For the lane.
  void check_deadline(Stream::Time now) { stream_.check_deadline(now); }
  void close_if_idle();
  void cut();
  size_t index() const { return index_; }
  void set_index(size_t index) { index_ = index; }

 private:
  // How the connection goes on after a request.
  enum class Next {
    kRequest,
    kClose,   // nobody sends any more, or what was sent may be lost
    kLinger,  // the client may still be sending: let it read the answer first
    kReset,   // the client must not take this for a regular end
  };
  struct HeadRead {
    size_t begin = 0;
    size_t end = 0;
    std::optional<Refusal> refusal;
  };

  bool goes_on() const;
  Task<bool> wait_for_request();
  Task<Next> serve_one();
  Task<HeadRead> read_head();
  Task<Next> refuse(Refusal refusal);
  Task<Next> answer(ParsedHead head);
  Task<> call_handler(Request request);
  Next after_response() const;
  bool may_keep_alive(const ParsedHead& head) const;

  Task<bool> drain_body(BodyFraming body);
  Task<bool> drain_length(uint64_t length);
  Task<bool> drain_chunks();
  Task<> linger();

  Lane& lane_;
  const std::string remote_;
  Stream stream_;
  InputBuffer input_;
  std::optional<ResponseWriter> writer_;
  size_t index_ = 0;  // in the lane's list
  bool idle_ = false;
};

}  // namespace entrepot::serve
