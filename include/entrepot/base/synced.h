// Data that can only be reached under its lock.
#pragma once

#include <mutex>
#include <utility>

namespace entrepot {

template <class T>
class Synced {
 public:
  Synced() = default;
  explicit Synced(T value) : value_(std::move(value)) {}

  class Locked {
   public:
    T* operator->() { return &owner_.value_; }
    T& operator*() { return owner_.value_; }

   private:
    friend class Synced;
    explicit Locked(Synced& owner) : lock_(owner.mutex_), owner_(owner) {}
    std::lock_guard<std::mutex> lock_;
    Synced& owner_;
  };

  // The lock is held as long as the returned object lives: keep it short, never across co_await.
  Locked lock() { return Locked(*this); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace entrepot
