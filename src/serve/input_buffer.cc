#include "input_buffer.h"

#include <cstring>
#include <utility>

namespace entrepot::serve {
namespace {

// A burst's buffers go back to the allocator, the everyday ones stay.
constexpr size_t kMaxSpare = 32;

}  // namespace

BufferShelf::Buffer BufferShelf::take() {
  if (spare_.empty()) return std::make_unique_for_overwrite<char[]>(buffer_size_);
  Buffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void BufferShelf::put_back(Buffer buffer) {
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(buffer));
}

void InputBuffer::consume(size_t count) {
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

std::span<char> InputBuffer::room() {
  if (!data_) data_ = shelf_.take();
  if (begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {data_.get() + end_, shelf_.buffer_size() - end_};
}

void InputBuffer::release_if_empty() {
  if (empty()) release();
}

void InputBuffer::release() {
  if (data_) shelf_.put_back(std::exchange(data_, nullptr));
  begin_ = end_ = 0;
}

}  // namespace entrepot::serve
