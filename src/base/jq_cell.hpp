// SPDX-License-Identifier: Apache-2.0
// A cell is where libjq runs: a piece of memory from which all that it allocates comes, and a stack
// large enough for its deepest recursion. Whatever goes wrong in there (memory used up, time over,
// a failed assertion of libjq) ends the work and not the process: the cell is left at once and its
// memory is given back as a whole; so does an exponential comparison that libjq makes in one call.
// libjq 1.6 has no such limits itself: it exits when malloc fails,
// aborts on assertions that a program can reach, and recurses as deep as its data.
// For base/jq.cpp only. Jq's allocation functions, its assertion failure, its loader of module
// files, its array index and what it asks of Oniguruma are replaced in jq_cell.cpp, which is why no
// other library may use libjq here.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include <oniguruma.h>
#include <time.h>
#include <ucontext.h>

#include "base/time.hpp"

namespace slipway {

enum class CellEnd { finished, out_of_memory, out_of_time, assertion_failed };

// How long a run may take: so much of the processor's time, because a machine that is busy, or that
// stood still, is no fault of the program; and behind that, so that nobody waits for ever, elapsed
// time (limits::expression_wait_max more).
class JqTime {
  public:
    using Clock = std::chrono::steady_clock;

    // Begins now, for the calling thread.
    explicit JqTime(Span processor);

    // Asked by any thread, each of its own copy, while the one that began it is still there.
    bool is_over(Clock::time_point now);

    // It is not over before.
    Clock::time_point next_look() const { return next_look_; }

  private:
    std::chrono::nanoseconds used() const; // by the thread that began it, ever

    clockid_t clock_{};
    std::chrono::nanoseconds until_;
    Clock::time_point next_look_;
    Clock::time_point end_;
};

class JqCell {
  public:
    // Reserves limits::expression_memory_max of address space; pages are used as they are touched.
    JqCell();
    ~JqCell();
    JqCell(const JqCell&) = delete;
    JqCell& operator=(const JqCell&) = delete;

    // Runs work(argument) with libjq's memory from this cell. The work must not throw, and must
    // hold nothing that needs a destructor while it calls libjq. After anything but `finished` the
    // cell can only be destroyed. Never nested.
    CellEnd run(const JqTime& time, void (*work)(void*), void* argument);

    bool is_reserved() const { return memory_ != nullptr; }

    // While libjq's results become values of C++, the work cannot be left at any place; what it
    // does then must be limited by itself.
    void hold_time() { time_held_ = true; }

    void resume_time() { time_held_ = false; }

    // libjq 1.6 frees the stack of a run with free() itself, so growing blocks of a run come from
    // malloc and are listed; a cell that was left frees what is listed. Called when libjq is about
    // to free the stack of the run before.
    void begin_growing();

    std::size_t high_water() const { return static_cast<std::size_t>(top_ - memory_); }

    // For the replaced functions.
    static JqCell* active();
    void* allocate(std::size_t size);
    void* reallocate(void* block, std::size_t size);
    void release(void* block);
    bool owns(const void* block) const;
    void* grow(void* block, std::size_t size);
    bool release_grown(void* block);

    bool grows() const { return growing_; }

    // Oniguruma takes its memory from malloc, so the patterns and regions of a match that is left
    // are listed and freed with the cell. Each false: the list is full, which no program of libjq
    // 1.6 reaches, since it holds one of each at a time.
    bool keep_pattern(re_pattern_buffer* pattern);
    bool keep_region(re_registers* region);
    void forget_pattern(re_pattern_buffer* pattern);
    void forget_region(re_registers* region);

    [[noreturn]] void leave(CellEnd end);
    void tick();

  private:
    struct Block;
    static void enter();

    static constexpr std::size_t classes = 160;
    static constexpr std::size_t grown_max = 64;

    struct Grown {
        void* block;
        std::size_t size;
    };

    char* memory_ = nullptr;
    char* top_ = nullptr;
    Block* free_[classes] = {};
    Grown grown_[grown_max] = {};
    std::size_t grown_count_ = 0;
    std::array<re_pattern_buffer*, 4> patterns_ = {};
    std::array<re_registers*, 4> regions_ = {};
    bool growing_ = false;
    std::size_t ticks_ = 0;
    JqTime time_;
    bool time_held_ = false;
    CellEnd end_ = CellEnd::finished;
    void (*work_)(void*) = nullptr;
    void* argument_ = nullptr;
    ucontext_t outside_{};
    ucontext_t inside_{};
};

} // namespace slipway
