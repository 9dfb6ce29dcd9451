// What the listener does when there is no room, and where it listens.
#include "serve/listen_socket.h"
#include "serve_fixture.h"

#include "entrepot/base/log.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>

#include <ctime>

namespace entrepot::serve {
namespace {

class Limits : public ServeTest {};

TEST_F(Limits, OneConnectionTooManyIsClosed) {
  options.max_connections = 2;
  start();
  RawClient first(port());
  EXPECT_EQ(first.get("/").status, 200);
  {
    RawClient second(port());
    EXPECT_EQ(second.get("/").status, 200);
    RawClient third(port());
    EXPECT_NE(third.read_end(), End::kOpen);
    EXPECT_EQ(third.rest(), "");
    EXPECT_TRUE(handler.diary.wait_for("refused 0"));
  }
  EXPECT_TRUE(wait_for_connections(1));
  EXPECT_EQ(RawClient(port()).get("/").status, 200);
}

TEST_F(Limits, ConnectionsAreSpreadOverTheWorkers) {
  handler.routes["/thread"] = [](FakeHandler&, const Request&, Response& response) -> Task<> {
    Head head;
    std::string name(16, '\0');
    pthread_getname_np(pthread_self(), name.data(), name.size());
    co_await response.send(std::move(head), name.c_str());
  };
  start();
  std::map<std::string, int> workers_seen;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<RawClient>(port()));
    const std::string worker = clients.back()->get("/thread").body;
    EXPECT_EQ(clients.back()->get("/thread").body, worker);
    ++workers_seen[worker];
  }
  EXPECT_EQ(workers_seen["worker-0"], 5);
  EXPECT_EQ(workers_seen["worker-1"], 5);
}

TEST_F(Limits, WithoutDescriptorsItTriesOn) {
  log_warn("the next warning is part of a test");  // UBSan needs a pipe when it sees a type for the first time
  start();
  RawClient before(port());
  EXPECT_EQ(before.get("/").status, 200);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit small{256, limit.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &small);
  std::vector<UniqueFd> fillers;
  for (;;) {
    UniqueFd filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!filler) break;
    fillers.push_back(std::move(filler));
  }
  fillers.pop_back();  // for the client, so that the server gets none
  RawClient client(port());
  EXPECT_EQ(before.get("/").status, 200);  // those who are here are served
  client.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::clock_t cpu_before = std::clock();
  pollfd nothing{client.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&nothing, 1, 400), 0);
  EXPECT_LT(std::clock() - cpu_before, CLOCKS_PER_SEC / 10);  // it waits rather than spins
  fillers.clear();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(client.read_answer().body, "GET /late");
}

TEST_F(Limits, AnAddressInUseIsNamed) {
  start();
  Options same;
  same.address = "127.0.0.1:" + std::to_string(port());
  const auto second = Server::start(same, workers, disk, handler);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Error::Code::kIo);
  EXPECT_NE(second.error().message.find(same.address), std::string::npos) << second.error().message;
}

TEST(ListenSocket, RefusesNonsense) {
  for (const char* address : {"", "5000", "host", ":", ":x", ":65536", "::1:5000", "127.0.0.1:-1", "256.0.0.1:0"}) {
    EXPECT_FALSE(open_listen_socket(address).has_value()) << address;
  }
}

TEST(ListenSocket, AllAddressesTakeBothFamilies) {
  const auto socket = open_listen_socket(":0");
  ASSERT_TRUE(socket.has_value()) << socket.error().message;
  EXPECT_NE(local_port(socket->get()), 0);
  EXPECT_TRUE(RawClient(local_port(socket->get())).connected());  // by IPv4
}

TEST(ListenSocket, TakesNamesAndIpv6) {
  EXPECT_TRUE(open_listen_socket("localhost:0").has_value());
  const UniqueFd probe(::socket(AF_INET6, SOCK_STREAM, 0));
  if (!probe) GTEST_SKIP() << "no IPv6";
  EXPECT_TRUE(open_listen_socket("[::1]:0").has_value());
}

TEST(ListenSocket, FormatsAddresses) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(40000);
  ::inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
  EXPECT_EQ(format_address(storage), "192.0.2.1:40000");

  storage = {};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(40000);
  ::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
  EXPECT_EQ(format_address(storage), "[2001:db8::1]:40000");
  ::inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
  EXPECT_EQ(format_address(storage), "192.0.2.1:40000");
}

}  // namespace
}  // namespace entrepot::serve
