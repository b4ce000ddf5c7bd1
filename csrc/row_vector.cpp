// Row memory on the heap or in files.
#include "row_vector.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define MULTILEVEL_MAPS_ROWS 1
#endif

namespace ml {

namespace {

constexpr std::size_t least = 1 << 20;     // bytes; smaller pieces are on the heap
constexpr std::uintptr_t page = 4096 - 1;  // mapped pieces begin at a page

thread_local std::string folder;
std::mutex guard;
std::unordered_map<void*, std::size_t> mapped;

void* map_rows(std::size_t bytes) {
#ifdef MULTILEVEL_MAPS_ROWS
  std::string name = folder + "/rowsXXXXXX";
  const int file = mkstemp(name.data());
  if (file < 0) return nullptr;
  unlink(name.c_str());
  void* at = ftruncate(file, static_cast<off_t>(bytes)) == 0
                 ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                 : MAP_FAILED;
  close(file);
  if (at == MAP_FAILED) return nullptr;
  const std::lock_guard<std::mutex> lock(guard);
  mapped.emplace(at, bytes);
  return at;
#else
  return std::malloc(bytes);
#endif
}

// Bytes of a mapped piece, 0 of one on the heap.
std::size_t mapped_bytes(void* at, bool forget) {
  if (!at || (reinterpret_cast<std::uintptr_t>(at) & page)) return 0;
  const std::lock_guard<std::mutex> lock(guard);
  const auto found = mapped.find(at);
  if (found == mapped.end()) return 0;
  const std::size_t bytes = found->second;
  if (forget) mapped.erase(found);
  return bytes;
}

void* take(std::size_t bytes) {
  return bytes >= least && !folder.empty() ? map_rows(bytes) : std::malloc(std::max<std::size_t>(bytes, 1));
}

}  // namespace

void set_row_folder(const std::string& name) { folder = name; }
const std::string& row_folder() { return folder; }

void* allocate_rows(std::size_t bytes) {
  void* at = take(bytes);
  if (!at) throw std::bad_alloc();
  return at;
}

void* resize_rows(void* at, std::size_t bytes) {
  const std::size_t before = mapped_bytes(at, false);
  if (!before) return std::realloc(at, std::max<std::size_t>(bytes, 1));
  void* moved = take(bytes);
  if (!moved) return nullptr;
  std::memcpy(moved, at, std::min(before, bytes));
  free_rows(at);
  return moved;
}

void free_rows(void* at) noexcept {
#ifdef MULTILEVEL_MAPS_ROWS
  if (const std::size_t bytes = mapped_bytes(at, true)) {
    munmap(at, bytes);
    return;
  }
#endif
  std::free(at);
}

}  // namespace ml
