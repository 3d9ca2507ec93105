// A coroutine that its owner starts, resumes and may destroy half-way; the
// locals of a destroyed coroutine are destroyed with it. One thread.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <new>
#include <utility>

namespace ringway::proxy {

// Memory of coroutines that have ended, for those to come. A frame is larger than the connection
// that begins with it and lives much shorter: among connections it would leave a hole each. One
// thread.
class SpareFrames {
public:
    SpareFrames() = default;
    ~SpareFrames() {
        while (count_ > 0) ::operator delete(frames_[--count_]);
    }
    SpareFrames(const SpareFrames&) = delete;
    SpareFrames& operator=(const SpareFrames&) = delete;

    static SpareFrames& of_thread() {
        thread_local SpareFrames spare;
        return spare;
    }

    void* take(std::size_t size) {
        if (count_ > 0 && size == size_) return frames_[--count_];
        return ::operator new(size);
    }
    void give_back(void* frame, std::size_t size) {
        if (count_ == 0) size_ = size;
        if (size != size_ || count_ == most) return ::operator delete(frame);
        frames_[count_++] = frame;
    }

private:
// A sanitizer is to see what uses a frame that has ended.
#ifdef __SANITIZE_ADDRESS__
    static constexpr std::size_t most = 0;
#else
    static constexpr std::size_t most = 64;
#endif
    std::array<void*, 64> frames_;
    std::size_t count_ = 0;
    std::size_t size_ = 0;  // of each
};

class Task {
public:
    struct promise_type {
        static void* operator new(std::size_t size) { return SpareFrames::of_thread().take(size); }
        static void operator delete(void* frame, std::size_t size) {
            SpareFrames::of_thread().give_back(frame, size);
        }
        Task get_return_object() {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        // Out of resume(); the coroutine is done then.
        void unhandled_exception() { throw; }
    };

    Task() = default;
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() { reset(); }

    explicit operator bool() const { return handle_ != nullptr; }
    bool done() const { return handle_.done(); }
    void resume() { handle_.resume(); }

    // Destroys the coroutine, finished or not.
    void reset() {
        if (handle_) std::exchange(handle_, nullptr).destroy();
    }

private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

}  // namespace ringway::proxy
