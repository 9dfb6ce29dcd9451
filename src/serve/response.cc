#include "entrepot/serve/response.h"

#include "connection.h"
#include "response_writer.h"

namespace entrepot::serve {

Task<bool> Response::send(Head head, std::string body) {
  return connection_.writer().send(std::move(head), std::move(body));
}

Task<bool> Response::send_head_only(Head head, std::optional<uint64_t> length) {
  return connection_.writer().send_head_only(std::move(head), length);
}

Task<bool> Response::begin(Head head, std::optional<uint64_t> length, FirstPiece first_piece) {
  return connection_.writer().begin(std::move(head), length, first_piece);
}

Task<bool> Response::send_file(int fd, uint64_t offset, uint64_t count) {
  return connection_.writer().send_file(fd, offset, count);
}

Task<bool> Response::finish() { return connection_.writer().finish(); }

bool Response::started() const { return connection_.writer().started(); }
int Response::status() const { return connection_.writer().status(); }
uint64_t Response::body_bytes() const { return connection_.writer().body_bytes(); }

}  // namespace entrepot::serve
