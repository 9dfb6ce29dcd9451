// Expected errors as values: Error, Result<T> and the TRY statements.
//
// Result<T> is used as the subset that std::expected shares with boost::system::result:
// has_value(), operator bool, operator*, operator->, error().
#pragma once

#include <boost/system/result.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace entrepot {

// Says what happened, never what HTTP should answer: that is decided in api/errors.cc alone.
struct Error {
  enum class Code {
    kNotFound,         // the thing asked for does not exist (upstream said so, or nothing is held)
    kInvalid,          // what the client sent is not well formed
    kUnsupported,      // well formed, but not something this program does
    kUnauthorized,     // upstream wants (other) credentials
    kDenied,           // the right to it is refused
    kDigestMismatch,   // bytes do not have the digest they were asked for by
    kUpstreamDown,     // upstream cannot be reached, or broke off
    kUpstreamTimeout,  // upstream did not answer in time
    kUpstreamError,    // upstream answered 5xx
    kUpstreamInvalid,  // upstream answered something that is not the protocol
    kRateLimited,      // upstream answered 429
    kTooLarge,         // beyond a limit of ours
    kOverloaded,       // this mirror has too much to do already
    kNoSpace,          // the disk is full
    kIo,               // the disk or the catalog failed
    kNotInMemory,      // a read that may not block would have to; ask again from the disk pool
    kStopping,         // the program is about to end
    kInternal,         // a bug
  };
  Code code;
  std::string message;  // one sentence for people: names the thing and the reason
};

std::string_view to_string(Error::Code code);

// An error from errno: "MESSAGE: strerror", with ENOSPC and EDQUOT told apart as kNoSpace.
Error errno_error(std::string message);

template <class T>
using Result = boost::system::result<T, Error>;

inline Result<void> ok() { return {}; }

}  // namespace entrepot

#define ENTREPOT_CONCAT_INNER(a, b) a##b
#define ENTREPOT_CONCAT(a, b) ENTREPOT_CONCAT_INNER(a, b)
#define ENTREPOT_TRY(result, return_statement, expression)  \
  if (auto result = (expression); !result.has_value()) {    \
    return_statement std::move(result).error();             \
  }
#define ENTREPOT_TRY_ASSIGN(result, return_statement, declaration, expression) \
  auto result = (expression);                                                  \
  if (!result.has_value()) {                                                   \
    return_statement std::move(result).error();                                \
  }                                                                            \
  declaration = std::move(*result)

// TRY(expr): return the error of a Result<void>.  TRY_ASSIGN(auto x, expr): the same, else x is its value.
// CO_TRY and CO_TRY_ASSIGN do it in a coroutine, where `expr` may hold co_await.
#define TRY(expression) ENTREPOT_TRY(ENTREPOT_CONCAT(try_result_, __LINE__), return, expression)
#define CO_TRY(expression) ENTREPOT_TRY(ENTREPOT_CONCAT(try_result_, __LINE__), co_return, expression)
#define TRY_ASSIGN(declaration, expression) \
  ENTREPOT_TRY_ASSIGN(ENTREPOT_CONCAT(try_result_, __LINE__), return, declaration, expression)
#define CO_TRY_ASSIGN(declaration, expression) \
  ENTREPOT_TRY_ASSIGN(ENTREPOT_CONCAT(try_result_, __LINE__), co_return, declaration, expression)
