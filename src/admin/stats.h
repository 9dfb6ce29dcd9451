// GET /stats.
#pragma once

#include "entrepot/admin/admin.h"

#include <chrono>
#include <string>

namespace entrepot::admin {

// JSON for people and scripts. The figures are read one after the other while requests run: each
// is true, and sums hold once the mirror is idle.
std::string render_stats(const Services& services, const Held& held, std::chrono::steady_clock::duration uptime);

}  // namespace entrepot::admin
