// fake_registry [--port N]: prints "listening 127.0.0.1:PORT" and serves until SIGTERM.
#include "support/fake_registry.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

int main(int argc, char** argv) {
  int port = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--port") != 0 || i + 1 == argc) {
      std::fprintf(stderr, "usage: fake_registry [--port N]\n");
      return 2;
    }
    port = std::atoi(argv[++i]);
  }
  // Before any thread starts, so that all of them leave the signals to sigwait.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    entrepot::support::FakeRegistry registry(static_cast<uint16_t>(port));
    std::printf("listening 127.0.0.1:%u\n", registry.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ends, &signal);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
