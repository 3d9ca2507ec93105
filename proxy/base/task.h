// A coroutine that its owner starts, resumes and may destroy half-way; the
// locals of a destroyed coroutine are destroyed with it. One thread.
#pragma once

#include <coroutine>
#include <utility>

namespace ringway::proxy {

class Task {
public:
    struct promise_type {
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
