// Memory for numbers by row: the heap, or files that the system pages in and out, for more rows than memory can hold.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ml {

// The folder of this thread's row memory from now on; empty: the heap.
void set_row_folder(const std::string& folder);
const std::string& row_folder();

// Pieces of a megabyte and more are mapped from files in the folder. The files have no name from the start, so that
// nothing is left of them when the pieces are freed or the process ends.
void* allocate_rows(std::size_t bytes);
void* resize_rows(void* at, std::size_t bytes);
void free_rows(void* at) noexcept;

template <class T>
struct RowAllocator {
  using value_type = T;
  RowAllocator() = default;
  template <class U>
  RowAllocator(const RowAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_rows(n * sizeof(T))); }
  void deallocate(T* at, std::size_t) noexcept { free_rows(at); }
  bool operator==(const RowAllocator&) const { return true; }
};

template <class T>
using RowVector = std::vector<T, RowAllocator<T>>;

}  // namespace ml
