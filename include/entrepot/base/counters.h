// Counters that cost a serving thread one uncontended add.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace entrepot {

// Grows only. add() touches a cache line of the calling thread's own; value() sums them all.
class Counter {
 public:
  void add(uint64_t amount = 1) { slots_[slot()].value.fetch_add(amount, std::memory_order_relaxed); }
  uint64_t value() const {
    uint64_t sum = 0;
    for (const auto& slot : slots_) sum += slot.value.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  static constexpr size_t kSlots = 16;
  struct alignas(64) Slot {
    std::atomic<uint64_t> value{0};
  };
  static size_t slot() {
    static std::atomic<size_t> next{0};
    static thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kSlots;
    return mine;
  }
  std::array<Slot, kSlots> slots_;
};

}  // namespace entrepot
