// What an upstream's answers and silences mean. Pure.
#pragma once

#include "entrepot/base/result.h"
#include "entrepot/fetch/request.h"

#include <string_view>

namespace entrepot::upstream {

// The error of an answer with a status that was not hoped for. `subject` says who was asked for
// what.
Error status_error(std::string_view subject, int status, std::string_view body);
// `error` with `subject` before its message.
Error with_subject(std::string_view subject, Error error);

// True if the same request may well succeed a little later. A time-out does not count: trying again
// would keep the client waiting for as long again.
bool may_pass(const Result<fetch::Response>& result);

}  // namespace entrepot::upstream
