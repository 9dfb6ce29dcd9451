#include "entrepot/app/config.h"

#include "app/config_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace entrepot::app {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kSource = ENTREPOT_SOURCE_DIR;
const std::vector<std::string> kHubNames = {"docker.io", "registry-1.docker.io", "index.docker.io"};

TEST(Config, WithoutAFileIsAMirrorOfDockerHub) {
  const Config config = built_in_config();
  EXPECT_EQ(config.upstream->name, "docker.io");
  EXPECT_EQ(config.upstream->remote_url, "https://registry-1.docker.io");
  EXPECT_EQ(config.namespaces, kHubNames);
  EXPECT_EQ(config.root_directory, "/var/lib/entrepot");
  EXPECT_EQ(config.http.address, ":5000");
  EXPECT_EQ(config.debug.address, "127.0.0.1:5001");
}

TEST(Config, ShippedFilesAreTheDefaultsAndGiveNoWarning) {
  for (const char* name : {"/conf/entrepot.yml", "/conf/dockerhub.yml"}) {
    const auto loaded = load_config_file(kSource + name);
    ASSERT_TRUE(loaded.has_value()) << ::testing::PrintToString(lines_of(loaded.error()));
    EXPECT_THAT(lines_of(loaded->warnings), IsEmpty()) << name;
    EXPECT_EQ(printed(loaded->config), printed(built_in_config())) << name;
  }
}

TEST(Config, AFileWithoutUpstreamServesWhatIsHeld) {
  for (const char* text : {"", "proxy:", "proxy: {}", "proxy: {remoteurl: }", "proxy: {remoteurl: ''}",
                           "proxy: {namespaces: [docker.io]}"}) {
    const auto loaded = load_good(text);
    EXPECT_FALSE(loaded.config.upstream.has_value()) << text;
    EXPECT_THAT(loaded.config.namespaces, IsEmpty()) << text;
  }
}

TEST(Config, ReadsEveryKeyThatIsUsed) {
  const auto loaded = load_good(R"(
log:
  level: DEBUG
  formatter: json
  fields: {service: mirror, "a.b": 7}
  accesslog: {disabled: yes}
storage: {filesystem: {rootdirectory: /data/x y}}
http:
  addr: "[::1]:80"
  draintimeout: 1m30s
  workers: 3
  limits:
    {connections: 10, requestline: 4KiB, head: 8KiB, body: 1MiB, headtimeout: 1s, idletimeout: 2s, writetimeout: 3s}
  debug: {addr: "localhost:0", names: [Mirror.Example, "[::1]"]}
proxy:
  remoteurl: HTTP://Registry.Example:5443/some/Path//
  username: bob
  password: "012 3:4"
  namespaces: [Other.Example:80, ghcr.io]
  timeouts: {connect: 1s, head: 2s, stall: 3s}
cache: {freshness: 0, revalidatetimeout: 100ms}
)");
  EXPECT_THAT(lines_of(loaded.warnings), IsEmpty());
  const Config& c = loaded.config;
  EXPECT_EQ(c.log.level, LogOptions::Level::kDebug);
  EXPECT_EQ(c.log.format, LogOptions::Format::kJson);
  EXPECT_THAT(c.log.fields, ElementsAre(std::pair("service", "mirror"), std::pair("a.b", "7")));
  EXPECT_FALSE(c.access_log);
  EXPECT_EQ(c.root_directory, "/data/x y");
  EXPECT_EQ(c.http.address, "[::1]:80");
  EXPECT_EQ(c.drain_timeout, 90s);
  EXPECT_EQ(c.workers, 3u);
  EXPECT_EQ(c.http.max_connections, 10u);
  EXPECT_EQ(c.http.max_request_line, 4096u);
  EXPECT_EQ(c.http.max_head, 8192u);
  EXPECT_EQ(c.http.max_drained_body, 1048576u);
  EXPECT_EQ(c.http.head_timeout, 1s);
  EXPECT_EQ(c.http.idle_timeout, 2s);
  EXPECT_EQ(c.http.write_timeout, 3s);
  EXPECT_EQ(c.debug.address, "localhost:0");
  EXPECT_THAT(c.debug_names, ElementsAre("mirror.example", "[::1]"));
  ASSERT_TRUE(c.upstream.has_value());
  EXPECT_EQ(c.upstream->name, "registry.example:5443");
  EXPECT_EQ(c.upstream->remote_url, "http://registry.example:5443/some/Path");
  EXPECT_EQ(c.upstream->username, "bob");
  EXPECT_EQ(c.upstream->password, "012 3:4");
  EXPECT_EQ(c.upstream->timeouts.connect, 1s);
  EXPECT_EQ(c.upstream->timeouts.head, 2s);
  EXPECT_EQ(c.upstream->timeouts.stall, 3s);
  EXPECT_THAT(c.namespaces, ElementsAre("other.example:80", "ghcr.io"));
  EXPECT_EQ(c.freshness, 0s);
  EXPECT_EQ(c.revalidate_timeout, 100ms);
}

TEST(Config, TellsEveryErrorAtOnceByLine) {
  EXPECT_THAT(problems_of(R"(version: 0.2
log:
  level: loud
http:
  adr: :5000
  limits:
    connections: many
  limits:
    head: 1KiB
proxy:
  remoteurl: ftp://x
  username: bob
nonsense:
  - 1
storage: [filesystem]
)"),
              ElementsAre("c.yml:1: version: must be 0.1",  //
                          "c.yml:3: log.level: 'loud' is not one of: error, warn, info, debug",
                          "c.yml:5: http.adr: unknown key; did you mean 'addr'?",
                          "c.yml:7: http.limits.connections: 'many' is not a whole number from 1 to 1000000",
                          "c.yml:8: http.limits: given twice (first in line 6)",
                          AllOf(StartsWith("c.yml:11: proxy.remoteurl: "), HasSubstr("write https://HOST")),
                          "c.yml:12: proxy.username: needs proxy.password too",
                          AllOf(StartsWith("c.yml:13: nonsense: unknown key; the nearest one is "),
                                HasSubstr("known here: version, log, ")),
                          StartsWith("c.yml:15: storage: must be a section")));
}

TEST(Config, AnUnknownKeyNamesTheNearestOfItsSection) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"htp: {}", "c.yml:2: htp: unknown key; did you mean 'http'?"},
      {"http: {Addr: ':1'}", "c.yml:2: http.Addr: unknown key; did you mean 'addr'?"},
      {"proxy: {remotrurl: x}", "c.yml:2: proxy.remotrurl: unknown key; did you mean 'remoteurl'?"},
      {"proxy: {remote_url: x}", "c.yml:2: proxy.remote_url: unknown key; did you mean 'remoteurl'?"},
      {"log: {accesslog: {disable: true}}", "c.yml:2: log.accesslog.disable: unknown key; did you mean 'disabled'?"},
      {"notifications:\n  endpoints:\n  - name: a\n  - nmae: b",
       "c.yml:5: notifications.endpoints[1].nmae: unknown key; did you mean 'name'?"},
      {"cache: {size: 10GB}",
       "c.yml:2: cache.size: unknown key; the nearest one is 'freshness'; known here: freshness, revalidatetimeout"},
      {"auth: htpaswd", "c.yml:2: auth: 'htpaswd' is not known here; did you mean 'htpasswd'?"},
      // Also where nothing is given to it.
      {"proxy: {tll: }", "c.yml:2: proxy.tll: unknown key; did you mean 'ttl'?"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(problems_of("version: 0.1\n" + std::string(row.text)), ElementsAre(row.problem));
  }
}

TEST(Config, LaterKeysAreUnknownForNow) {
  for (const char* text : {"cache: {size: 1T}", "cache: {offline: true}", "upstreams: []", "seed: {}", "access: {}",
                           "http: {trustedproxies: []}"}) {
    const auto loaded = load_config("version: 0.1\n" + std::string(text), "c.yml");
    ASSERT_FALSE(loaded.has_value()) << text;
    EXPECT_THAT(lines_of(loaded.error()), ElementsAre(HasSubstr("unknown key"))) << text;
  }
}

TEST(Config, TheVersionIsRequired) {
  EXPECT_THAT(problems_of(""), ElementsAre("c.yml:1: version: is missing; the file must hold 'version: 0.1'"));
  EXPECT_THAT(problems_of("log: {}\n"), ElementsAre(HasSubstr("version: is missing")));
  EXPECT_THAT(problems_of("version:\n"), ElementsAre(HasSubstr("version: is missing")));
  EXPECT_THAT(problems_of("version: [0.1]\n"), ElementsAre("c.yml:1: version: must be a single value"));
  EXPECT_THAT(problems_of("version: '0.1'\n"), IsEmpty());
  EXPECT_THAT(problems_of("hello\n"), ElementsAre("c.yml:1: must be lines of KEY: VALUE"));
}

TEST(Config, EveryTypeOfValueIsChecked) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"log: {accesslog: {disabled: maybe}}", "'maybe' is not one of: true, false, yes, no, on, off"},
      {"log: {formatter: xml}", "'xml' is not one of: text, json, logstash"},
      {"log: {fields: {a: [1]}}", "log.fields.a: must be a single value"},
      {"log: {fields: {a: \"x\\ny\"}}", "log.fields.a: must be one line of text"},
      {"loglevel: 5", "'5' is not one of: error, warn, info, debug"},
      {"http: {workers: -1}", "'-1' is not a whole number from 0 to 1024"},
      {"http: {workers: 1025}", "'1025' is not a whole number from 0 to 1024"},
      {"http: {workers: 1.5}", "'1.5' is not a whole number"},
      {"http: {workers: 99999999999999999999}", "is not a whole number"},
      {"http: {limits: {connections: 0}}", "'0' is not a whole number from 1 to 1000000"},
      {"http: {limits: {head: 10}}", "'10' is not a size from 1.0 KiB to 16.0 MiB (write 512, 64KiB or 10MB)"},
      {"http: {limits: {head: 20 kilos}}", "this value is not a size"},
      {"http: {limits: {head: 1GiB}}", "'1GiB' is not a size from"},
      {"http: {limits: {head: 4KiB}}", "http.limits.head (4.0 KiB) must be at least http.limits.requestline (8.0 KiB)"},
      {"http: {limits: {requestline: 64KiB}}", "http.limits.requestline: http.limits.head (32.0 KiB) must be at least"},
      {"http: {limits: {idletimeout: soon}}",
       "'soon' is not a duration from 1ms to 24h (write 500ms, 60s, 5m or 1h30m)"},
      {"http: {limits: {idletimeout: 0}}", "'0' is not a duration from 1ms to 24h"},
      {"http: {draintimeout: 30000000000}",
       "'30000000000' is not a duration from 0s to 24h (write 500ms, 60s, 5m or "
       "1h30m; a number needs a unit)"},
      {"http: {draintimeout: 25h}", "'25h' is not a duration"},
      {"http: {addr: 5000}", "http.addr: not an address to listen on (write HOST:PORT, :PORT"},
      {"http: {addr: localhost}", "http.addr: not an address"},
      {"http: {addr: 'localhost:'}", "http.addr: not an address"},
      {"http: {addr: ':65536'}", "http.addr: not an address"},
      {"http: {addr: ':-1'}", "http.addr: not an address"},
      {"http: {addr: '::1:5000'}", "http.addr: not an address"},
      {"http: {addr: '[::1]'}", "http.addr: not an address"},
      {"http: {addr: '[]:80'}", "http.addr: not an address"},
      {"http: {addr: '[::g]:80'}", "http.addr: not an address"},
      {"http: {addr: 'http://x:80'}", "http.addr: not an address"},
      {"http: {addr: ''}", "http.addr: not an address"},
      {"http: {debug: {addr: 'a b:1'}}", "http.debug.addr: not an address"},
      {"http: {debug: {names: mirror}}", "http.debug.names: must be a list of single values"},
      {"http: {debug: {names: [a, 'b:1']}}", "http.debug.names[1]: not a host name (no scheme, no port and no path)"},
      {"http: {debug: {names: [[a]]}}", "http.debug.names: must be a list of single values"},
      {"http: 5", "http: must be a section"},
      {"http: {limits: [1]}", "http.limits: must be a section"},
      {"storage: {filesystem: {rootdirectory: ''}}", "storage.filesystem.rootdirectory: must name a folder"},
      {"storage: {filesystem: {rootdirectory: {a: b}}}", "storage.filesystem.rootdirectory: must be a single value"},
      {"storage: {filesystem: {rootdirectory: \"/a\\0b\"}}", "must be one line of text without control characters"},
      {"proxy: {namespaces: ['https://ghcr.io']}", "proxy.namespaces[0]: not a registry's host name"},
      {"proxy: {namespaces: ['ghcr.io:0']}", "proxy.namespaces[0]: not a registry's host name"},
      {"proxy: {timeouts: {connect: 2h}}", "'2h' is not a duration from 1ms to 1h"},
      {"cache: {freshness: -1s}", "'-1s' is not a duration from 0s to 8760h"},
  };
  for (const auto& row : rows) {
    const auto loaded = load_config("version: 0.1\n" + std::string(row.text), "c.yml");
    ASSERT_FALSE(loaded.has_value()) << row.text;
    EXPECT_THAT(lines_of(loaded.error()), ElementsAre(AllOf(StartsWith("c.yml:2: "), HasSubstr(row.problem))))
        << row.text;
  }
}

TEST(Config, AddressesThatMayBeListenedOn) {
  for (const char* address : {":5000", ":0", "0.0.0.0:65535", "localhost:80", "my-host_1.example:80", "[::]:80",
                              "[fe80::1%eth0]:80", "[::ffff:1.2.3.4]:80"}) {
    EXPECT_EQ(load_good("http: {addr: '" + std::string(address) + "'}").config.http.address, address);
  }
}

TEST(Config, TheOnlyStorageIsAFolder) {
  for (const char* driver : {"s3", "s3aws", "gcs", "azure", "swift", "oss", "inmemory"}) {
    for (const std::string& text : {"storage: {" + std::string(driver) + ": {a: b}}",
                                    "storage: {" + std::string(driver) + ": }", "storage: " + std::string(driver)}) {
      EXPECT_THAT(problems_of("version: 0.1\n" + text),
                  ElementsAre(AllOf(StartsWith("c.yml:2: storage." + std::string(driver) + ": "),
                                    HasSubstr("only filesystem is"))))
          << text;
    }
  }
  for (const char* text : {"", "storage:", "storage: filesystem", "storage: {filesystem: }"}) {
    EXPECT_EQ(load_good(text).config.root_directory, "/var/lib/entrepot") << text;
  }
}

TEST(Config, TheUpstreamIsCalledByItsHost) {
  struct Row {
    const char* url;
    const char* remote_url;
    const char* name;
  };
  const Row rows[] = {
      {"https://ghcr.io", "https://ghcr.io", "ghcr.io"},
      {"https://ghcr.io///", "https://ghcr.io", "ghcr.io"},
      {"HTTPS://GHCR.io:443/", "https://ghcr.io", "ghcr.io"},
      {"http://ghcr.io:80", "http://ghcr.io", "ghcr.io"},
      {"http://ghcr.io:443", "http://ghcr.io:443", "ghcr.io:443"},
      {"http://127.0.0.1:5711", "http://127.0.0.1:5711", "127.0.0.1:5711"},
      {"https://h.example/Harbor/proxy-1/", "https://h.example/Harbor/proxy-1", "h.example"},
      {"http://[::1]:5000/x", "http://[::1]:5000/x", "[::1]:5000"},
      {"http://[::1]", "http://[::1]", "[::1]"},
      {"https://registry-1.docker.io", "https://registry-1.docker.io", "docker.io"},
      {"https://Index.Docker.io:443/", "https://index.docker.io", "docker.io"},
      {"https://docker.io", "https://docker.io", "docker.io"},
      {"https://registry-1.docker.io:444", "https://registry-1.docker.io:444", "registry-1.docker.io:444"},
  };
  for (const auto& row : rows) {
    const auto config = load_good("proxy: {remoteurl: '" + std::string(row.url) + "'}").config;
    ASSERT_TRUE(config.upstream.has_value());
    EXPECT_EQ(config.upstream->remote_url, row.remote_url);
    EXPECT_EQ(config.upstream->name, row.name);
    EXPECT_EQ(config.namespaces, config.upstream->name == "docker.io" ? kHubNames : std::vector<std::string>());
  }
}

TEST(Config, NamespacesBringDockerHubsNamesTogether) {
  const auto names = [](const char* proxy) { return load_good("proxy: " + std::string(proxy)).config.namespaces; };
  EXPECT_THAT(names("{remoteurl: 'https://registry-1.docker.io', namespaces: [a.example, index.docker.io, A.example]}"),
              ElementsAre("docker.io", "registry-1.docker.io", "index.docker.io", "a.example"));
  EXPECT_THAT(names("{remoteurl: 'https://hub.example', namespaces: [docker.io]}"),
              ElementsAre("docker.io", "registry-1.docker.io", "index.docker.io"));
  EXPECT_THAT(names("{remoteurl: 'https://hub.example', namespaces: [quay.io]}"), ElementsAre("quay.io"));
}

TEST(Config, RefusesUrlsThatAreNotARegistrys) {
  for (const char* url :
       {"ghcr.io", "ftp://ghcr.io", "https://", "https:///x", "https://x:0", "https://x:65536", "https://x:y",
        "https://x/?a=b", "https://x#y", "https://x/a//b", "https://x/a/../b", "https://x/a b", "https://x y",
        "https://x\\y", "https://[::1", "https://[g]", "://x", "/x"}) {
    EXPECT_THAT(problems_of("version: 0.1\nproxy: {remoteurl: '" + std::string(url) + "'}"),
                ElementsAre(StartsWith("c.yml:2: proxy.remoteurl: ")))
        << url;
  }
}

TEST(Config, CredentialsComeInPairs) {
  const std::string proxy = "version: 0.1\nproxy:\n  remoteurl: https://ghcr.io\n";
  EXPECT_THAT(problems_of(proxy + "  username: bob\n"),
              ElementsAre("c.yml:4: proxy.username: needs proxy.password too"));
  EXPECT_THAT(problems_of(proxy + "  password: x\n"), ElementsAre("c.yml:4: proxy.password: needs proxy.username too"));
  EXPECT_THAT(problems_of(proxy + "  username:\n  password: ''\n"), IsEmpty());
  EXPECT_THAT(problems_of("version: 0.1\nproxy: {username: bob, password: x}"),
              ElementsAre("c.yml:2: proxy.username: has no effect: there is no upstream without proxy.remoteurl"));
}

TEST(Config, TheOldNameOfTheLevelYieldsToTheNewOne) {
  EXPECT_EQ(load_good("loglevel: debug").config.log.level, LogOptions::Level::kDebug);
  EXPECT_EQ(load_good("log: {level: error}\nloglevel: debug").config.log.level, LogOptions::Level::kError);
}

TEST(Config, NoProblemHoldsAPassword) {
  // Slips of the keyboard that people make, each with hunter2 for a password.
  const char* const slips[] = {
      "proxy: {remoteurl: 'https://bob:hunter2@ghcr.io'}",
      "proxy: {remoteurl: 'https://bob:hunter2@'}",
      "proxy: {remoteurl: 'ftp://bob:hunter2@ghcr.io'}",
      "proxy: {username: bob, password:hunter2}",
      "proxy: {username: bob, password: [hunter2]}",
      "proxy: {username: bob, password: {hunter2: 1}}",
      "proxy: {username: bob, passwort: hunter2}",
      "proxy: {password: hunter2}",
      "proxy:\n  username: bob\n  password: *hunter2",
      "proxy:\n  username: bob\n  password: &hunter2",
      "proxy:\n  username: bob\n  password: !hunter2 [",
      "proxy:\n  username: bob\n  password: @hunter2",
      "proxy:\n  username: bob\n  password: %hunter2",
      "proxy:\n  username: bob\n  password: \"hunter2\\q\"",
      "proxy:\n  username: bob\n  password: |\n    hunter2\n    hunter2",
      "proxy:\n  username: bob\n    password: hunter2",
      "proxy:\n  username: bob\n    password:hunter2",
      "proxy:\n  username: bob:hunter2",
      "proxy:\n  remoteurl: https://ghcr.io\n    password:hunter2",
      "proxy:\n  timeouts: {head: 5s\n    password:hunter2}",
      "proxy: hunter2",
      "log:\n  level: info\n    password:hunter2",
      "http:\n  addr: ':5000'\n  secret: [hunter2",
      "redis: {passwort: hunter2}",
      "proxy: {password: hunter2, password: hunter2}",
  };
  for (const char* slip : slips) {
    const auto problems = problems_of("version: 0.1\n" + std::string(slip));
    EXPECT_THAT(problems, Not(IsEmpty())) << slip;
    for (const auto& problem : problems) EXPECT_THAT(problem, Not(HasSubstr("hunter2"))) << slip;
  }
}

TEST(ConfigFile, SaysWhichFileAndWhyItCannotBeRead) {
  const auto missing = load_config_file("/nonexistent/x.yml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(lines_of(missing.error()), ElementsAre("/nonexistent/x.yml: cannot be read: No such file or directory"));
  const auto folder = load_config_file("/tmp");
  ASSERT_FALSE(folder.has_value());
  EXPECT_THAT(lines_of(folder.error()), ElementsAre("/tmp: cannot be read: Is a directory"));
  const auto endless = load_config_file("/dev/zero");
  ASSERT_FALSE(endless.has_value());
  EXPECT_THAT(lines_of(endless.error()), ElementsAre("/dev/zero: larger than 1 MiB"));
}

TEST(ConfigFile, NamesItselfInProblems) {
  std::string path = (std::filesystem::temp_directory_path() / "entrepot-config-XXXXXX").string();
  const int fd = mkstemp(path.data());
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << "version: 0.1\nproxy: {ttl: 1h}\n";
  const auto loaded = load_config_file(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_THAT(lines_of(loaded->warnings), ElementsAre(StartsWith(path + ":2: proxy.ttl: has no effect")));
}

}  // namespace
}  // namespace entrepot::app
