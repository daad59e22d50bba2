// SPDX-License-Identifier: Apache-2.0
#include "base/jq_cell.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

extern "C" {
#include <jv.h>
}

#include "base/assert.hpp"
#include "base/limits.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLIPWAY_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SLIPWAY_ADDRESS_SANITIZER
#endif
#if defined(SLIPWAY_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace slipway {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t stack_kept = 64 * 1024;
constexpr std::size_t small_run = 1024 * 1024;
constexpr int index_max = 1 << 24;

thread_local JqCell* active_cell = nullptr;

void* reserve(std::size_t size) {
    void* memory = ::mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0
    );
    return memory == MAP_FAILED ? nullptr : memory;
}

// The stack of whatever cell this thread runs. Its lowest page is a guard.
class Stack {
  public:
    Stack() : memory_(static_cast<char*>(reserve(limits::expression_stack_max))) {
        if (memory_ != nullptr)
            ::mprotect(memory_, page, PROT_NONE);
    }

    ~Stack() {
        if (memory_ != nullptr)
            ::munmap(memory_, limits::expression_stack_max);
    }

    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    char* memory() const { return memory_; }

    // Gives back what a deep recursion touched.
    void shrink() {
        ::madvise(memory_ + page, limits::expression_stack_max - page - stack_kept, MADV_DONTNEED);
    }

  private:
    char* memory_;
};

Stack& thread_stack() {
    thread_local Stack stack;
    return stack;
}

#if defined(SLIPWAY_ADDRESS_SANITIZER)
thread_local const void* outer_bottom = nullptr;
thread_local std::size_t outer_size = 0;
#endif

// Sizes of blocks: multiples of 16 up to 1024, then four steps between powers of two.
std::size_t class_of(std::size_t size) {
    if (size <= 1024)
        return (size + 15) / 16;
    const auto bits = static_cast<std::size_t>(std::bit_width(size - 1));
    const auto step = std::size_t{1} << (bits - 3);
    const auto quarter = (size + step - 1) / step - 5;
    return 65 + (bits - 11) * 4 + quarter;
}

std::size_t size_of_class(std::size_t index) {
    if (index <= 64)
        return index * 16;
    const auto bits = (index - 65) / 4 + 11;
    return (std::size_t{1} << (bits - 3)) * ((index - 65) % 4 + 5);
}

// Regular expressions run in Oniguruma, which counts its own steps; its default lets one match take
// most of a second. The library comes with libjq and may lack the function.
bool limit_regular_expressions() {
    using Function = int (*)(unsigned long);
    constexpr unsigned long steps = 1000000;
    for (const auto* name : {"onig_set_retry_limit_in_match", "onig_set_retry_limit_in_search"})
        if (auto* set = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name)))
            set(steps);
    return true;
}

// A remainder of the least integer by -1 traps, and libjq 1.6 takes it without a look.
struct sigaction previous_action;

void on_arithmetic_trap(int) {
    if (active_cell != nullptr)
        active_cell->leave(CellEnd::assertion_failed);
    // Not ours: the instruction traps again and finds what was there before.
    ::sigaction(SIGFPE, &previous_action, nullptr);
}

bool catch_arithmetic_traps() {
    struct sigaction action {};

    action.sa_handler = &on_arithmetic_trap;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGFPE, &action, &previous_action) == 0;
}

// The function of this name in the library that comes after the program.
template <typename Function>
Function* next_of(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void free_pattern(OnigRegex pattern) {
    static auto* const original = next_of<void(OnigRegex)>("onig_free");
    original(pattern);
}

void free_region(OnigRegion* region, int itself) {
    static auto* const original = next_of<void(OnigRegion*, int)>("onig_region_free");
    original(region, itself);
}

// Puts `from` in the place where `to` is looked for; false where there is none.
template <typename List, typename Item>
bool exchange(List& list, Item from, Item to) {
    const auto at = std::find(list.begin(), list.end(), from);
    if (at == list.end())
        return false;
    *at = to;
    return true;
}

} // namespace

JqTime::JqTime(Span processor)
    : next_look_(Clock::now() + processor), end_(next_look_ + limits::expression_wait_max) {
    // Without such a clock only elapsed time is left.
    if (::pthread_getcpuclockid(::pthread_self(), &clock_) != 0)
        end_ = next_look_;
    until_ = used() + processor;
}

std::chrono::nanoseconds JqTime::used() const {
    timespec time{};
    ::clock_gettime(clock_, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A thread uses at most the time that elapses, so its clock is read only after so much of that.
bool JqTime::is_over(Clock::time_point now) {
    if (now < next_look_)
        return false;
    if (now >= end_)
        return true;
    const auto left = until_ - used();
    next_look_ = std::min(now + left, end_);
    return left <= left.zero();
}

struct JqCell::Block {
    std::size_t index; // its class
    Block* next;       // while it is free
};

JqCell::JqCell()
    : memory_(static_cast<char*>(reserve(limits::expression_memory_max))), top_(memory_),
      time_(Span::zero()) {
    static const bool once = limit_regular_expressions() && catch_arithmetic_traps();
    static_cast<void>(once);
}

JqCell::~JqCell() {
    if (end_ != CellEnd::finished)
        for (std::size_t i = 0; i < grown_count_; ++i)
            std::free(grown_[i].block);
    for (auto* pattern : patterns_)
        free_pattern(pattern);
    for (auto* region : regions_)
        free_region(region, 1);
    if (memory_ != nullptr)
        ::munmap(memory_, limits::expression_memory_max);
}

JqCell* JqCell::active() {
    return active_cell;
}

bool JqCell::owns(const void* block) const {
    const auto* byte = static_cast<const char*>(block);
    return byte >= memory_ && byte < memory_ + limits::expression_memory_max;
}

void JqCell::tick() {
    if (++ticks_ % 256 == 0 && !time_held_ && time_.is_over(JqTime::Clock::now()))
        leave(CellEnd::out_of_time);
}

void* JqCell::allocate(std::size_t size) {
    tick();
    if (size > limits::expression_memory_max)
        leave(CellEnd::out_of_memory);
    const auto index = class_of(size + sizeof(Block));
    if (Block* block = free_[index]) {
        free_[index] = block->next;
        return block + 1;
    }
    const auto total = size_of_class(index);
    if (total > limits::expression_memory_max - high_water())
        leave(CellEnd::out_of_memory);
    auto* block = new (top_) Block{index, nullptr};
    top_ += total;
    return block + 1;
}

void JqCell::release(void* memory) {
    auto* block = static_cast<Block*>(memory) - 1;
    block->next = free_[block->index];
    free_[block->index] = block;
}

void* JqCell::reallocate(void* memory, std::size_t size) {
    auto* block = static_cast<Block*>(memory) - 1;
    const auto room = size_of_class(block->index);
    if (size <= room - sizeof(Block))
        return memory;
    void* moved = allocate(size);
    std::memcpy(moved, memory, room - sizeof(Block));
    release(memory);
    return moved;
}

void JqCell::begin_growing() {
    growing_ = true;
    grown_count_ = 0;
}

void* JqCell::grow(void* block, std::size_t size) {
    tick();
    std::size_t at = 0;
    std::size_t total = high_water();
    for (std::size_t i = 0; i < grown_count_; ++i)
        total += grown_[i].block == block ? 0 : grown_[i].size;
    while (at < grown_count_ && (block == nullptr || grown_[at].block != block))
        ++at;
    if (at == grown_max || size > limits::expression_memory_max ||
        total + size > limits::expression_memory_max)
        leave(CellEnd::out_of_memory);
    void* moved = std::realloc(block, size);
    if (moved == nullptr)
        leave(CellEnd::out_of_memory);
    grown_[at] = {moved, size};
    grown_count_ = std::max(grown_count_, at + 1);
    return moved;
}

bool JqCell::release_grown(void* block) {
    for (std::size_t i = 0; i < grown_count_; ++i)
        if (grown_[i].block == block) {
            grown_[i] = grown_[--grown_count_];
            std::free(block);
            return true;
        }
    return false;
}

bool JqCell::keep_pattern(re_pattern_buffer* pattern) {
    return exchange(patterns_, OnigRegex{}, pattern);
}

bool JqCell::keep_region(re_registers* region) {
    return exchange(regions_, static_cast<OnigRegion*>(nullptr), region);
}

void JqCell::forget_pattern(re_pattern_buffer* pattern) {
    exchange(patterns_, pattern, OnigRegex{});
}

void JqCell::forget_region(re_registers* region) {
    exchange(regions_, region, static_cast<OnigRegion*>(nullptr));
}

void JqCell::enter() {
    JqCell& cell = *active_cell;
#if defined(SLIPWAY_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(nullptr, &outer_bottom, &outer_size);
#endif
    cell.work_(cell.argument_);
    cell.leave(CellEnd::finished);
}

void JqCell::leave(CellEnd end) {
    end_ = end;
#if defined(SLIPWAY_ADDRESS_SANITIZER)
    __sanitizer_start_switch_fiber(nullptr, outer_bottom, outer_size);
#endif
    ::setcontext(&outside_);
    std::abort();
}

CellEnd JqCell::run(const JqTime& time, void (*work)(void*), void* argument) {
    ASSERT(active_cell == nullptr);
    Stack& stack = thread_stack();
    if (memory_ == nullptr || stack.memory() == nullptr)
        return CellEnd::out_of_memory;
    const auto before = high_water();
    time_ = time;
    time_held_ = false;
    work_ = work;
    argument_ = argument;
    ::getcontext(&inside_);
    inside_.uc_stack.ss_sp = stack.memory() + page;
    inside_.uc_stack.ss_size = limits::expression_stack_max - page;
    inside_.uc_link = nullptr;
    ::makecontext(&inside_, &JqCell::enter, 0);
    active_cell = this;
#if defined(SLIPWAY_ADDRESS_SANITIZER)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, inside_.uc_stack.ss_sp, inside_.uc_stack.ss_size);
#endif
    ::swapcontext(&outside_, &inside_);
#if defined(SLIPWAY_ADDRESS_SANITIZER)
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
    // The frames that were left without returning are still marked as in use.
    __asan_unpoison_memory_region(
        stack.memory() + limits::expression_stack_max - small_run, small_run
    );
#endif
    active_cell = nullptr;
    if (end_ != CellEnd::finished || high_water() - before > small_run)
        stack.shrink();
    return end_;
}

} // namespace slipway

// What libjq calls instead of its own functions, because a program's symbols come before those of
// the libraries it loads. Outside a cell they do what libjq's own do.
extern "C" {

void* jv_mem_alloc(std::size_t size) {
    if (auto* cell = slipway::JqCell::active())
        return cell->allocate(size);
    void* memory = std::malloc(size);
    if (memory == nullptr)
        std::abort();
    return memory;
}

void* jv_mem_alloc_unguarded(std::size_t size) {
    return jv_mem_alloc(size);
}

void* jv_mem_calloc(std::size_t count, std::size_t size) {
    const auto total = size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size;
    void* memory = jv_mem_alloc(total);
    return std::memset(memory, 0, total);
}

void* jv_mem_calloc_unguarded(std::size_t count, std::size_t size) {
    return jv_mem_calloc(count, size);
}

char* jv_mem_strdup(const char* text) {
    const auto size = std::strlen(text) + 1;
    return static_cast<char*>(std::memcpy(jv_mem_alloc(size), text, size));
}

char* jv_mem_strdup_unguarded(const char* text) {
    return jv_mem_strdup(text);
}

void jv_mem_free(void* memory) {
    if (memory == nullptr)
        return;
    if (auto* cell = slipway::JqCell::active()) {
        if (cell->owns(memory))
            return cell->release(memory);
        if (cell->release_grown(memory))
            return;
    }
    std::free(memory);
}

void* jv_mem_realloc(void* memory, std::size_t size) {
    if (auto* cell = slipway::JqCell::active()) {
        if (cell->owns(memory))
            return cell->reallocate(memory, size);
        return cell->grows() ? cell->grow(memory, size) : cell->allocate(size);
    }
    void* moved = std::realloc(memory, size);
    if (moved == nullptr)
        std::abort();
    return moved;
}

// Modules, and the file ~/.jq that libjq 1.6 would read into every program, are never read.
jv jv_load_file(const char*, int) {
    return jv_invalid_with_msg(jv_string("modules are not read"));
}

// libjq 1.6 computes the new size of an array in an int, which overflows for a large index.
jv jv_array_set(jv array, int index, jv value) {
    static auto* const original = slipway::next_of<jv(jv, int, jv)>("jv_array_set");
    if (auto* cell = slipway::JqCell::active(); cell != nullptr && index > slipway::index_max)
        cell->leave(slipway::CellEnd::out_of_memory);
    return original(array, index, value);
}

// libjq calls this more often than anything else, also within one long comparison.
void jv_free(jv value) {
    static auto* const original = slipway::next_of<void(jv)>("jv_free");
    if (auto* cell = slipway::JqCell::active())
        cell->tick();
    original(value);
}

int onig_new(
    OnigRegex* pattern, const OnigUChar* from, const OnigUChar* end, OnigOptionType options,
    OnigEncoding encoding, OnigSyntaxType* syntax, OnigErrorInfo* error
) {
    static auto* const original = slipway::next_of<decltype(onig_new)>("onig_new");
    const int result = original(pattern, from, end, options, encoding, syntax, error);
    auto* cell = slipway::JqCell::active();
    if (result == ONIG_NORMAL && cell != nullptr && !cell->keep_pattern(*pattern)) {
        slipway::free_pattern(*pattern);
        cell->leave(slipway::CellEnd::out_of_memory);
    }
    return result;
}

void onig_free(OnigRegex pattern) {
    if (auto* cell = slipway::JqCell::active(); cell != nullptr && pattern != nullptr)
        cell->forget_pattern(pattern);
    slipway::free_pattern(pattern);
}

OnigRegion* onig_region_new(void) {
    static auto* const original = slipway::next_of<decltype(onig_region_new)>("onig_region_new");
    auto* region = original();
    auto* cell = slipway::JqCell::active();
    if (region != nullptr && cell != nullptr && !cell->keep_region(region)) {
        slipway::free_region(region, 1);
        cell->leave(slipway::CellEnd::out_of_memory);
    }
    return region;
}

void onig_region_free(OnigRegion* region, int itself) {
    auto* cell = slipway::JqCell::active();
    if (cell != nullptr && region != nullptr && itself != 0)
        cell->forget_region(region);
    slipway::free_region(region, itself);
}

// An assertion that fails inside a cell is libjq's, and a program reached it.
void __assert_fail(
    const char* expression, const char* file, unsigned int line, const char* function
) noexcept {
    if (auto* cell = slipway::JqCell::active())
        cell->leave(slipway::CellEnd::assertion_failed);
    std::fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, expression);
    std::abort();
}

} // extern "C"
