// SPDX-License-Identifier: Apache-2.0
// Values that copies share until one of them is written. A change is copied for every command, and
// a command touches few of its parts: the others stay the same memory, and whether a part was
// touched at all is a comparison of two pointers.
//
// Reading through a const object never copies. Access through an object that is not const may
// write, so it first gives the object a part of its own; references taken before show the old one.
// Iterators only read: what find() gives can be compared with end() whatever the object is, and who
// writes to all elements asks for edit().
// Copies may be read by different threads; one object belongs to one thread while it is written.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace slipway {

namespace shared {

template <class T>
class Pointer {
  public:
    const T* get() const { return pointer_.get(); }

    // The value, in memory that nobody else sees; made from nothing when there was none.
    T& own() {
        if (!pointer_) {
            pointer_ = std::make_shared<T>();
        } else if (pointer_.use_count() > 1) {
            pointer_ = std::make_shared<T>(*pointer_);
        } else {
            // The last other owner let go on another thread: what it read, it read before.
            std::atomic_thread_fence(std::memory_order_acquire);
        }
        return *pointer_;
    }

    void put(T value) { pointer_ = std::make_shared<T>(std::move(value)); }

    void drop() { pointer_.reset(); }

  private:
    std::shared_ptr<T> pointer_;
};

} // namespace shared

// A container, empty at first.
template <class T>
class Shared {
  public:
    using value_type = typename T::value_type;
    using const_iterator = typename T::const_iterator;

    Shared() = default;

    Shared(T value) { value_.put(std::move(value)); } // NOLINT: it stands for the value

    const T& get() const {
        static const T nothing{};
        return value_.get() ? *value_.get() : nothing;
    }

    T& edit() { return value_.own(); }

    operator const T&() const { return get(); } // NOLINT: it stands for the value

    bool is_same_as(const Shared& other) const { return value_.get() == other.value_.get(); }

    bool empty() const { return get().empty(); }

    std::size_t size() const { return get().size(); }

    auto begin() const { return get().begin(); }

    auto end() const { return get().end(); }

    auto rbegin() const { return get().rbegin(); }

    auto rend() const { return get().rend(); }

    const auto& front() const { return get().front(); }

    const auto& back() const { return get().back(); }

    auto& front() { return edit().front(); }

    auto& back() { return edit().back(); }

    template <class Key>
    auto find(const Key& key) const {
        return get().find(key);
    }

    template <class Key>
    bool contains(const Key& key) const {
        return get().contains(key);
    }

    template <class Key>
    const auto& at(const Key& key) const {
        return get().at(key);
    }

    template <class Key>
    auto& at(const Key& key) {
        return edit().at(key);
    }

    template <class Key>
    const auto& operator[](const Key& key) const {
        return get()[key];
    }

    template <class Key>
    auto& operator[](const Key& key) {
        return edit()[key];
    }

    void push_back(value_type value) { edit().push_back(std::move(value)); }

    void pop_back() { edit().pop_back(); }

    void resize(std::size_t size) { edit().resize(size); }

    void clear() { value_.drop(); }

    template <class Key>
    auto erase(const Key& key) {
        return edit().erase(key);
    }

  private:
    shared::Pointer<T> value_;
};

// A value that may be absent, as std::optional has it.
template <class T>
class SharedOptional {
  public:
    using value_type = T;

    SharedOptional() = default;

    SharedOptional(T value) { value_.put(std::move(value)); } // NOLINT: it stands for the value

    bool has_value() const { return value_.get() != nullptr; }

    explicit operator bool() const { return has_value(); }

    const T& operator*() const { return *value_.get(); }

    const T* operator->() const { return value_.get(); }

    T& operator*() { return value_.own(); }

    T* operator->() { return &value_.own(); }

    T& emplace() {
        value_.put(T{});
        return value_.own();
    }

    void reset() { value_.drop(); }

    bool is_same_as(const SharedOptional& other) const {
        return value_.get() == other.value_.get();
    }

  private:
    shared::Pointer<T> value_;
};

} // namespace slipway
