#include "support/fake_registry.h"

#include "support/fake_content.h"
#include "support/fault.h"
#include "support/http_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <list>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace entrepot::support {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr uint64_t kPiece = 4 << 20;
// Little enough that body_sent is close to what the peer has really taken.
constexpr int kSendBuffer = 512 * 1024;

// One line of the diary. `status` and `body_sent` are filled in as the answer goes out.
struct Record {
  HttpRequest request;
  uint64_t connection;
  std::atomic<int> status{0};
  std::atomic<uint64_t> body_sent{0};

  json to_json() const {
    json out = {{"method", request.method}, {"target", request.target},      {"headers", request.headers},
                {"status", status.load()},  {"body_sent", body_sent.load()}, {"connection", connection}};
    if (!request.body.empty()) out["body"] = request.body;
    return out;
  }
};

int listen_on(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0) {
    throw std::runtime_error(std::string("fake registry cannot listen: ") + std::strerror(errno));
  }
  return fd;
}

uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

void set_header(Reply& reply, const std::string& name, const json& value) {
  std::erase_if(reply.headers, [&](const auto& header) { return lower(header.first) == lower(name); });
  if (!value.is_null()) reply.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
}

// The answer's head; `closes` is set if the connection's end is the body's end.
std::string render_head(Reply& reply, const Behaviour& behaviour, bool& closes) {
  if (behaviour.chunked) {
    set_header(reply, "Transfer-Encoding", "chunked");
  } else if (!behaviour.no_length) {
    set_header(reply, "Content-Length", std::to_string(behaviour.wrong_length.value_or(reply.length)));
  }
  for (const auto& [name, value] : behaviour.headers.items()) set_header(reply, name, value);
  const bool framed = std::any_of(reply.headers.begin(), reply.headers.end(), [](const auto& header) {
    return lower(header.first) == "content-length" || lower(header.first) == "transfer-encoding";
  });
  if (!framed || behaviour.wrong_length) closes = true;
  if (!framed) set_header(reply, "Connection", "close");
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Fake\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

}  // namespace

struct FakeRegistry::Impl {
  explicit Impl(uint16_t wanted_port) : listener(listen_on(wanted_port)), port(port_of(listener)) {
    acceptor = std::thread([this] { accept_all(); });
  }
  ~Impl();

  struct Connection {
    int fd;
    uint64_t number;
    std::thread thread;
    bool done = false;  // guarded by mutex
  };

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port); }
  void accept_all();
  void reap(bool all);
  void serve(Connection& connection);
  bool serve_one(HttpSocket& socket, uint64_t number);
  bool answer_control(HttpSocket& socket, const HttpRequest& request);
  bool answer(HttpSocket& socket, Record& record);
  Reply make_reply(const HttpRequest& request, const Target& target, const Behaviour& behaviour);
  bool send_body(HttpSocket& socket, Record& record, const Reply& reply, const Behaviour& behaviour);
  bool send_pieces(HttpSocket& socket, Record& record, const Reply& reply, const Behaviour& behaviour, uint64_t& sent,
                   uint64_t end);
  void wait_hold(const std::string& name);
  void release(const std::string& name);
  json control(std::string_view method, std::string_view path, const json& body);
  json diary();
  json stats();

  const int listener;
  const uint16_t port;
  FakeContent content;
  FakeAuth auth;
  std::thread acceptor;

  // Guarded by mutex:
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  FaultList faults;
  std::set<std::string> held;  // the names whose requests wait
  std::vector<std::shared_ptr<Record>> records;
  std::list<Connection> connections;
  uint64_t next_connection = 0;
};

FakeRegistry::Impl::~Impl() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
    for (Connection& connection : connections) {
      if (!connection.done) ::shutdown(connection.fd, SHUT_RDWR);
    }
  }
  changed.notify_all();
  ::shutdown(listener, SHUT_RDWR);
  acceptor.join();
  ::close(listener);
  reap(true);
}

void FakeRegistry::Impl::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
    reap(false);
    std::lock_guard lock(mutex);
    if (stopping) {
      ::close(fd);
      return;
    }
    Connection& connection = connections.emplace_back();
    connection.fd = fd;
    connection.number = next_connection++;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

// Joins the threads that have ended, or all of them.
void FakeRegistry::Impl::reap(bool all) {
  std::list<Connection> ended;
  {
    std::lock_guard lock(mutex);
    for (auto it = connections.begin(); it != connections.end();) {
      const auto next = std::next(it);
      if (all || it->done) ended.splice(ended.end(), connections, it);
      it = next;
    }
  }
  for (Connection& connection : ended) connection.thread.join();
}

void FakeRegistry::Impl::serve(Connection& connection) {
  HttpSocket socket(connection.fd);
  while (serve_one(socket, connection.number)) {
  }
  std::lock_guard lock(mutex);
  ::close(connection.fd);
  connection.done = true;
}

bool FakeRegistry::Impl::serve_one(HttpSocket& socket, uint64_t number) {
  std::optional<HttpRequest> request = socket.read_request();
  if (!request) return false;
  if (request->target.starts_with("/-/")) return answer_control(socket, *request) && request->keep_alive;
  auto record = std::make_shared<Record>();
  record->request = std::move(*request);
  record->connection = number;
  {
    std::lock_guard lock(mutex);
    records.push_back(record);
  }
  changed.notify_all();
  return answer(socket, *record) && record->request.keep_alive;
}

bool FakeRegistry::Impl::answer_control(HttpSocket& socket, const HttpRequest& request) {
  int status = 200;
  json body;
  try {
    body = control(request.method, request.target, request.body.empty() ? json() : json::parse(request.body));
  } catch (const std::exception& e) {
    status = 400;
    body = {{"error", e.what()}};
  }
  Reply reply = Reply::text(status, "application/json", body.dump(-1, ' ', false, json::error_handler_t::replace));
  bool closes = false;
  return socket.send(render_head(reply, Behaviour(), closes) + *reply.content);
}

Reply FakeRegistry::Impl::make_reply(const HttpRequest& request, const Target& target, const Behaviour& behaviour) {
  if (!behaviour.redirect.empty()) {
    Reply reply = Reply::text(307, "text/plain", "");
    std::string location = behaviour.redirect;
    replace_all(location, "{self}", url());
    replace_all(location, "{digest}", target.path.substr(target.path.rfind('/') + 1));
    reply.headers.emplace_back("Location", location);
    return reply;
  }
  if (behaviour.status) return Reply::text(*behaviour.status, "application/json", behaviour.body);
  if (target.path == "/token" && request.method == "GET") return auth.token(request, target);
  if (request.method != "GET" && request.method != "HEAD") {
    return Reply::error(405, "UNSUPPORTED", "the fake answers GET and HEAD");
  }
  return content.answer(request, target, behaviour.ignore_range);
}

// False if the connection cannot be used again.
bool FakeRegistry::Impl::answer(HttpSocket& socket, Record& record) {
  const HttpRequest& request = record.request;
  const Target target = Target::parse(request.target);
  Behaviour behaviour;
  std::optional<Reply> refusal = auth.refuse(request, target.path, url());
  if (!refusal) {
    std::lock_guard lock(mutex);
    behaviour = faults.match(request.method, request.target);
  }
  if (behaviour.delay_ms > 0 && socket.wait_gone(std::chrono::milliseconds(behaviour.delay_ms))) return false;
  if (!behaviour.hold.empty() && !behaviour.hold_after) wait_hold(behaviour.hold);
  if (behaviour.drop) return false;
  if (behaviour.hang) return !socket.wait_gone(std::nullopt);
  if (!behaviour.garbage.empty()) return socket.send(behaviour.garbage) && false;

  Reply reply = refusal ? std::move(*refusal) : make_reply(request, target, behaviour);
  bool closes = false;
  const std::string head = render_head(reply, behaviour, closes);
  record.status = reply.status;
  if (!socket.send(head)) return false;
  if (request.method == "HEAD") return true;
  return send_body(socket, record, reply, behaviour) && !closes;
}

bool FakeRegistry::Impl::send_body(HttpSocket& socket, Record& record, const Reply& reply, const Behaviour& behaviour) {
  uint64_t sent = 0;
  if (behaviour.hold_after) {
    if (!send_pieces(socket, record, reply, behaviour, sent, std::min(reply.length, *behaviour.hold_after)))
      return false;
    wait_hold(behaviour.hold);
  }
  uint64_t end = reply.length;
  for (const auto& limit : {behaviour.cut_after, behaviour.reset_after, behaviour.stall_after}) {
    if (limit) end = std::max(sent, std::min(end, *limit));
  }
  if (!send_pieces(socket, record, reply, behaviour, sent, end)) return false;
  if (behaviour.stall_after && *behaviour.stall_after <= sent) socket.wait_gone(std::nullopt);
  if (behaviour.reset_after && *behaviour.reset_after <= sent) socket.reset_on_close();
  if (end < reply.length) return false;
  return behaviour.chunked ? socket.send("0\r\n\r\n") : true;
}

bool FakeRegistry::Impl::send_pieces(HttpSocket& socket, Record& record, const Reply& reply, const Behaviour& behaviour,
                                     uint64_t& sent, uint64_t end) {
  const auto begin = steady_clock::now();
  const uint64_t first = sent;
  const uint64_t most = behaviour.rate ? std::clamp<uint64_t>(*behaviour.rate / 100, 1, kPiece) : kPiece;
  while (sent < end) {
    const uint64_t from = reply.from + sent;
    std::string_view piece = std::string_view(*reply.content).substr(from, std::min(most, end - sent));
    std::string corrupted;
    if (behaviour.corrupt_at && *behaviour.corrupt_at >= from && *behaviour.corrupt_at < from + piece.size()) {
      corrupted = piece;
      corrupted[*behaviour.corrupt_at - from] = static_cast<char>(corrupted[*behaviour.corrupt_at - from] ^ 1);
      piece = corrupted;
    }
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    if (behaviour.chunked && !socket.send(size)) return false;
    if (!socket.send(piece, &record.body_sent)) return false;
    if (behaviour.chunked && !socket.send("\r\n")) return false;
    sent += piece.size();
    if (!behaviour.rate) continue;
    const auto due = begin + std::chrono::microseconds((sent - first) * 1'000'000 / *behaviour.rate);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - steady_clock::now());
    if (wait.count() > 0 && socket.wait_gone(wait)) return false;
  }
  return true;
}

void FakeRegistry::Impl::wait_hold(const std::string& name) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return stopping || !held.contains(name); });
}

// Called under the mutex. An empty name: all.
void FakeRegistry::Impl::release(const std::string& name) {
  if (name.empty()) {
    held.clear();
  } else {
    held.erase(name);
  }
  changed.notify_all();
}

json FakeRegistry::Impl::diary() {
  std::vector<std::shared_ptr<Record>> copy;
  {
    std::lock_guard lock(mutex);
    copy = records;
  }
  json out = json::array();
  for (const auto& record : copy) out.push_back(record->to_json());
  return out;
}

json FakeRegistry::Impl::stats() {
  std::lock_guard lock(mutex);
  uint64_t body_sent = 0;
  for (const auto& record : records) body_sent += record->body_sent;
  return {{"requests", records.size()}, {"body_sent", body_sent}};
}

json FakeRegistry::Impl::control(std::string_view method, std::string_view path, const json& body) {
  const std::string what = std::string(method) + " " + std::string(path.substr(0, path.find('?')));
  if (what == "POST /-/blobs") return content.add_blob(body);
  if (what == "POST /-/manifests") return content.add_manifest(body);
  if (what == "GET /-/requests") return diary();
  if (what == "GET /-/stats") return stats();
  if (what == "DELETE /-/tags") {
    content.remove_tag(body);
  } else if (what == "POST /-/auth") {
    auth.configure(body);
  } else if (what == "POST /-/expire") {
    auth.expire_all();
  } else {
    std::lock_guard lock(mutex);
    if (what == "POST /-/faults") {
      faults.add(body);
      if (body.contains("hold")) held.insert(body["hold"].get<std::string>());
    } else if (what == "DELETE /-/faults") {
      faults.clear();
    } else if (what == "POST /-/release") {
      release(body.is_object() ? body.value("hold", "") : "");
    } else if (what == "DELETE /-/requests") {
      records.clear();
    } else {
      throw std::runtime_error("no such control: " + what);
    }
  }
  return json::object();
}

FakeRegistry::FakeRegistry(uint16_t port) : impl_(std::make_unique<Impl>(port)) {}
FakeRegistry::~FakeRegistry() = default;

uint16_t FakeRegistry::port() const { return impl_->port; }
std::string FakeRegistry::url() const { return impl_->url(); }

json FakeRegistry::control(std::string_view method, std::string_view path, const json& body) {
  return impl_->control(method, path, body);
}

std::string FakeRegistry::add_blob(const std::string& repository, uint64_t size, uint64_t seed) {
  return control("POST", "/-/blobs", {{"repository", repository}, {"size", size}, {"seed", seed}}).at("digest");
}

std::string FakeRegistry::add_text_blob(const std::string& repository, const std::string& content) {
  return control("POST", "/-/blobs", {{"repository", repository}, {"content", content}}).at("digest");
}

std::string FakeRegistry::add_manifest(const std::string& repository, const std::string& tag,
                                       const std::string& media_type, const std::string& body) {
  const json wanted = {{"repository", repository}, {"tag", tag}, {"media_type", media_type}, {"body", body}};
  return control("POST", "/-/manifests", wanted).at("digest");
}

size_t FakeRegistry::count(std::string_view path, std::string_view method) {
  std::lock_guard lock(impl_->mutex);
  return static_cast<size_t>(std::count_if(impl_->records.begin(), impl_->records.end(), [&](const auto& record) {
    return record->request.target.find(path) != std::string::npos &&
           (method.empty() || record->request.method == method);
  }));
}

bool FakeRegistry::wait_for(std::string_view path, size_t wanted, std::chrono::seconds limit) {
  std::unique_lock lock(impl_->mutex);
  const auto enough = [&] {
    const auto matches = [&](const auto& record) { return record->request.target.find(path) != std::string::npos; };
    return static_cast<size_t>(std::count_if(impl_->records.begin(), impl_->records.end(), matches)) >= wanted;
  };
  return impl_->changed.wait_for(lock, limit, enough);
}

}  // namespace entrepot::support
