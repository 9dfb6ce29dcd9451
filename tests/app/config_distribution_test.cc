// Files written for the distribution registry start this program too: with warnings, never with errors.
#include "app/config_testing.h"
#include "entrepot/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace entrepot::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> warned_keys(const LoadedConfig& loaded) {
  std::vector<std::string> keys;
  for (const auto& warning : loaded.warnings) keys.push_back(std::to_string(warning.line) + " " + warning.key);
  return keys;
}

LoadedConfig load(const char* text) {
  auto loaded = load_config(text, "config.yml");
  EXPECT_TRUE(loaded.has_value()) << ::testing::PrintToString(lines_of(loaded.error()));
  return loaded.has_value() ? *loaded : LoadedConfig{};
}

TEST(DistributionConfig, TheFileInTheImageOfRegistry2) {
  const auto loaded = load(R"(version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
)");
  EXPECT_THAT(warned_keys(loaded), ElementsAre("6 storage.cache", "12 http.headers", "14 health"));
  EXPECT_EQ(loaded.config.root_directory, "/var/lib/registry");
  EXPECT_THAT(loaded.config.log.fields, ElementsAre(std::pair("service", "registry")));
  EXPECT_FALSE(loaded.config.upstream.has_value());
}

TEST(DistributionConfig, AMirrorBehindALogin) {
  const auto loaded = load(R"(version: 0.1
log:
  accesslog:
    disabled: true
  level: warn
  formatter: logstash
  reportcaller: true
  hooks:
    - type: mail
      disabled: true
      levels: [panic]
      options:
        smtp: {addr: "mail.example.com:25", username: mailuser, password: password, insecure: true}
        from: sender@example.com
        to: [errors@example.com]
storage:
  filesystem:
    rootdirectory: /srv/registry
    maxthreads: 100
  delete:
    enabled: true
  redirect:
    disable: true
  tag:
    concurrencylimit: 8
  maintenance:
    uploadpurging: {enabled: true, age: 168h, interval: 24h, dryrun: false}
    readonly: {enabled: false}
http:
  addr: 0.0.0.0:5000
  net: tcp
  host: https://mirror.example:5000
  prefix: /
  secret: asecretforlocaldevelopment
  relativeurls: false
  draintimeout: 60s
  tls:
    certificate: /etc/ssl/mirror.crt
    key: /etc/ssl/mirror.key
    clientcas: [/etc/ssl/ca.pem]
    clientauth: require-and-verify-client-cert
    minimumtls: tls1.2
    ciphersuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
    letsencrypt: {cachefile: /x, email: a@example.com, hosts: [mirror.example], directoryurl: "https://acme.example"}
  debug:
    addr: localhost:5001
    prometheus: {enabled: true, path: /metrics}
  http2: {disabled: false}
  h2c: {enabled: false}
auth:
  htpasswd: {realm: basic-realm, path: /etc/registry/htpasswd}
proxy:
  remoteurl: https://registry-1.docker.io
  username: bob
  password: secret
  exec: {command: docker-credential-helper, lifetime: 1h}
  ttl: 168h
  cachewritetimeout: 5m
)");
  EXPECT_THAT(
      warned_keys(loaded),
      ElementsAre("7 log.reportcaller", "8 log.hooks", "19 storage.filesystem.maxthreads", "20 storage.delete",
                  "22 storage.redirect", "24 storage.tag", "26 storage.maintenance", "32 http.host", "33 http.prefix",
                  "34 http.secret", "35 http.relativeurls", "37 http.tls", "47 http.debug.prometheus", "48 http.http2",
                  "49 http.h2c", "50 auth", "56 proxy.exec", "57 proxy.ttl", "58 proxy.cachewritetimeout"));
  EXPECT_EQ(loaded.config.upstream->username, "bob");
  EXPECT_EQ(loaded.config.debug.address, "localhost:5001");
}

TEST(DistributionConfig, EverySectionThatMeansNothingHere) {
  const auto loaded = load(R"(version: 0.1
storage: {filesystem: {rootdirectory: /srv/registry}, cache: {blobdescriptor: redis, blobdescriptorsize: 10000}}
http: {net: unix, addr: ":5000"}
auth:
  token:
    realm: https://auth.example/token
    service: registry
    issuer: issuer
    rootcertbundle: /root/certs/bundle
    jwks: /jwks
    signingalgorithms: [EdDSA, HS256]
    autoredirect: true
middleware:
  registry:
    - name: ARegistryMiddleware
      options: {foo: bar}
  repository:
    - name: ARepositoryMiddleware
      disabled: true
      options: {any: [thing, {at: all}]}
  storage:
    - name: cloudfront
      options: {baseurl: "https://my.cloudfronted.domain.com/", privatekey: /pem, duration: 3000s}
reporting: {bugsnag: {apikey: x}, newrelic: {licensekey: y, verbose: true}}
notifications:
  events: {includereferences: true}
  endpoints:
    - &first
      name: alistener
      disabled: false
      url: https://my.listener.com/event
      headers: {Authorization: [Bearer abc]}
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignoredmediatypes: [application/octet-stream]
      ignore: {mediatypes: [application/octet-stream], actions: [pull]}
    - <<: *first
      name: another
redis:
  addr: localhost:6379
  password: asecret
  db: 0
  dialtimeout: 10ms
  readtimeout: 10ms
  writetimeout: 10ms
  pool: {maxidle: 16, maxactive: 64, idletimeout: 300s}
  tls: {enabled: false}
health:
  storagedriver: {enabled: true, interval: 10s, threshold: 3}
  file: [{file: /path/to/checked/file, interval: 10s}]
  http:
    - {uri: "http://server.to.check", headers: {A: [b]}, statuscode: 200, timeout: 3s, interval: 10s, threshold: 3}
  tcp: [{addr: "redis.domain.com:6379", timeout: 3s, interval: 10s, threshold: 3}]
catalog: {maxentries: 1000}
tags: {maxtags: 1000}
compatibility: {schema1: {signingkeyfile: /k, enabled: true}}
validation:
  disabled: false
  manifests:
    urls: {allow: ['^https?://([^/]+\.)*example\.com/'], deny: ['^https?://www\.example\.com/']}
    indexes: {platforms: List, platformlist: [{architecture: amd64, os: linux}]}
policy: {repository: {classes: [image]}}
)");
  EXPECT_THAT(
      warned_keys(loaded),
      ElementsAre("2 storage.cache", "3 http.net", "4 auth", "13 middleware", "24 reporting", "25 notifications",
                  "40 redis", "49 health", "55 catalog", "56 tags", "57 compatibility", "58 validation", "63 policy"));
}

TEST(DistributionConfig, TheRedisOfRegistry3) {
  EXPECT_THAT(warned_keys(load(R"(version: 0.1
redis:
  tls: {certificate: /path/to/cert.crt, key: /path/to/key.pem, clientcas: [/path/to/ca.pem]}
  addrs: [localhost:6379]
  username: bob
  password: asecret
  db: 0
  maxidleconns: 16
  poolsize: 64
  connmaxidletime: 300s
)")),
              ElementsAre("2 redis"));
}

TEST(DistributionConfig, WhatOpensADoorIsSaidPlainly) {
  const auto say = [](const char* text) { return ::testing::PrintToString(problems_of(text)); };
  for (const char* auth : {"auth: {htpasswd: {path: /x}}", "auth: htpasswd", "auth: {none: {}}"}) {
    EXPECT_THAT(
        say(("version: 0.1\n" + std::string(auth)).c_str()),
        HasSubstr(
            "auth: NO EFFECT: logins are not checked by this version: everybody who reaches the address may pull"));
  }
  EXPECT_THAT(say("version: 0.1\nhttp: {tls: {certificate: /x, key: /y}}"),
              HasSubstr("http.tls: NO EFFECT: this version serves plain HTTP only"));
}

TEST(DistributionConfig, SectionsThatMeanNothingAreCheckedAllTheSame) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"auth: {htpasswd: {realmm: x}}", "c.yml:2: auth.htpasswd.realmm: unknown key; did you mean 'realm'?"},
      {"health: {http: {uri: x}}", "c.yml:2: health.http: must be a list: lines that begin with '- '"},
      {"health: {http: [x]}", "c.yml:2: health.http[0]: must be a section: lines of KEY: VALUE, indented"},
      {"http: {headers: {X: nosniff}}", "c.yml:2: http.headers.X: must be a list of single values: [A, B]"},
      {"http: {tls: {key: {a: b}}}", "c.yml:2: http.tls.key: must be a single value"},
      {"redis: {pool: 5}", "c.yml:2: redis.pool: must be a section: lines of KEY: VALUE, indented"},
      {"middleware: {storage: [{options: {a: 1, a: 2}}]}",
       "c.yml:2: middleware.storage[0].options.a: given twice (first in line 2)"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(problems_of("version: 0.1\n" + std::string(row.text)), ElementsAre(row.problem));
  }
}

TEST(DistributionConfig, SectionsWithNothingInThemAreNotThere) {
  EXPECT_THAT(problems_of("version: 0.1\nauth:\nnotifications: ~\nproxy: {ttl: null}\nhttp:\n  tls:\n  net: ''\n"),
              IsEmpty());
}

}  // namespace
}  // namespace entrepot::app
