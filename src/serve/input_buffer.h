// Bytes received and not yet handled, in a buffer that is borrowed only while there are some.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace entrepot::serve {

// A worker's spare buffers, all of one size. One thread.
class BufferShelf {
 public:
  explicit BufferShelf(size_t buffer_size) : buffer_size_(buffer_size) {}

  using Buffer = std::unique_ptr<char[]>;
  Buffer take();
  void put_back(Buffer buffer);
  size_t buffer_size() const { return buffer_size_; }

 private:
  const size_t buffer_size_;
  std::vector<Buffer> spare_;
};

// One thread. The shelf outlives it.
class InputBuffer {
 public:
  explicit InputBuffer(BufferShelf& shelf) : shelf_(shelf) {}
  ~InputBuffer() { release(); }
  InputBuffer(const InputBuffer&) = delete;

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void consume(size_t count);

  // Room to receive into, then received() says how much came. Empty if the buffer is full.
  std::span<char> room();
  void received(size_t count) { end_ += count; }
  // Gives the buffer back if it holds nothing.
  void release_if_empty();

 private:
  void release();

  BufferShelf& shelf_;
  BufferShelf::Buffer data_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace entrepot::serve
