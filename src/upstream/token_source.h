// What to send as Authorization: Basic, or tokens from the registry's token service.
#pragma once

#include "entrepot/base/clock.h"
#include "entrepot/base/result.h"
#include "entrepot/base/single_flight.h"
#include "entrepot/base/synced.h"
#include "entrepot/base/task.h"
#include "entrepot/fetch/client.h"
#include "entrepot/oci/challenge.h"
#include "entrepot/oci/reference.h"
#include "entrepot/upstream/options.h"
#include "status_counts.h"
#include "token_reply.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace entrepot::upstream {

// Thread-safe. What the registry asked for last is remembered, so that a request for another
// repository needs no 401 first; a token is fetched once for all who wait, and kept.
//
// Errors: those of the request to the token service by its status (kUnauthorized and kDenied are
// its word about the configured credentials), and kUpstreamInvalid for a realm that is not trusted
// or an answer that is no token.
class TokenSource {
 public:
  TokenSource(const Options& options, fetch::Client& client, const Clock& clock, StatusCounts& counts)
      : options_(options), client_(client), clock_(clock), counts_(counts) {}

  // What to send without having been asked; empty if the registry has not wanted anything so far.
  Task<Result<std::string>> authorization(oci::RepositoryName repository);
  // What to send instead of `rejected`, which was answered 401 with `challenges`; empty if there is
  // nothing else to offer.
  Task<Result<std::string>> renew(oci::RepositoryName repository, std::string rejected,
                                  std::vector<oci::Challenge> challenges);

 private:
  // Keyed by repository.
  using Tokens = std::map<std::string, Token>;
  struct State {
    std::optional<oci::Challenge> challenge;
    Tokens tokens;
  };

  Task<Result<std::string>> bearer(oci::RepositoryName repository, std::string rejected, oci::Challenge challenge);
  Task<Result<std::string>> request_token(oci::RepositoryName repository, std::string rejected,
                                          oci::Challenge challenge);
  std::optional<std::string> held_token(const oci::RepositoryName& repository, const std::string& rejected);
  void keep(const oci::RepositoryName& repository, Token token);
  void forget(const oci::Challenge& challenge);
  std::optional<oci::Challenge> choose(const std::vector<oci::Challenge>& challenges) const;
  bool has_credentials() const { return !options_.username.empty(); }
  std::string basic() const;
  fetch::Request token_request(const oci::RepositoryName& repository, const oci::Challenge& challenge) const;

  const Options& options_;
  fetch::Client& client_;
  const Clock& clock_;
  StatusCounts& counts_;
  Synced<State> state_;
  SingleFlight<std::string, std::string> flights_;
};

}  // namespace entrepot::upstream
