#include "tests/simulation/data/kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace ringway::simulation::data {

namespace {

using namespace std::chrono_literals;

Kernel* current_kernel = nullptr;

// Far above those of the test itself.
constexpr int first_fd = 100'000;

// A worker that is told more often than that with nothing left to happen turns in circles.
constexpr std::uint64_t most_waits = 1'000'000;
constexpr std::uint64_t most_calls = 5'000'000;

}  // namespace

std::uint32_t Epoll::ready() const {
    const bool any = std::ranges::any_of(listed, [](const File* each) {
        return (each->ready() & (each->watch.events | EPOLLERR | EPOLLHUP)) != 0;
    });
    return any ? std::uint32_t{EPOLLIN} : 0;
}

Kernel::Kernel(std::uint64_t seed)
    : now_(std::chrono::hours(1)), random_(seed), round_began_(now_) {
    current_kernel = this;
}

Kernel::~Kernel() {
    current_kernel = nullptr;
}

Kernel* Kernel::current() {
    return current_kernel;
}

void Kernel::after(Duration delay, std::function<void()> what) {
    events_.push({now_ + delay, ++events_made_, std::move(what)});
}

void Kernel::run_until(TimePoint when) {
    while (!events_.empty() && events_.top().when <= when) {
        now_ = std::max(now_, events_.top().when);
        const auto what = std::move(const_cast<Event&>(events_.top()).what);
        events_.pop();
        what();
    }
    now_ = std::max(now_, when);
}

void Kernel::pass(Duration time) {
    run_until(now_ + time);
}

void Kernel::spend_call() {
    if (++calls_ > most_calls) std::abort();
    const std::size_t chance = random_.below(1'024);
    pass(chance == 0 ? std::chrono::microseconds(random_.below(3'000))
                     : Duration(200 + static_cast<Duration::rep>(chance)));
}

int Kernel::open(File& file) {
    const auto free = std::ranges::find(table_, nullptr);
    const auto place = free - table_.begin();
    if (free == table_.end()) table_.push_back(nullptr);
    table_[static_cast<std::size_t>(place)] = &file;
    file.fd = first_fd + static_cast<int>(place);
    return file.fd;
}

void Kernel::close(int fd) {
    File& file = *this->file(fd);
    table_[static_cast<std::size_t>(fd - first_fd)] = nullptr;
    if (file.watch.set != nullptr) std::erase(file.watch.set->listed, &file);
    file.watch = {};
    file.fd = -1;
    file.closed();
}

File* Kernel::file(int fd) const {
    const auto place = static_cast<std::size_t>(fd - first_fd);
    return fd >= first_fd && place < table_.size() ? table_[place] : nullptr;
}

std::size_t Kernel::open_files() const {
    return table_.size() - static_cast<std::size_t>(std::ranges::count(table_, nullptr));
}

void Kernel::list(File& file) {
    if (file.watch.set == nullptr) return;
    if (!file.watch.listed) {
        file.watch.listed = true;
        file.watch.set->listed.push_back(&file);
    }
    list(*file.watch.set);
}

void Kernel::wake(File& file) {
    list(file);
}

void Kernel::wake_soon(File& file) {
    if (file.watch.set == nullptr || !random_.one_in(4)) return wake(file);
    ++file.watch.late;
    after(std::chrono::microseconds(random_.below(500)), [this, &file, fd = file.fd] {
        if (file.fd != fd || file.watch.late == 0) return;
        --file.watch.late;
        wake(file);
    });
}

int Kernel::watch(Epoll& set, int operation, int fd, const epoll_event* event) {
    File& file = *this->file(fd);
    if (operation == EPOLL_CTL_DEL) {
        std::erase(set.listed, &file);
        file.watch = {};
        return 0;
    }
    if ((operation == EPOLL_CTL_MOD) != (file.watch.set == &set)) {
        errno = operation == EPOLL_CTL_MOD ? ENOENT : EEXIST;
        return -1;
    }
    file.watch.set = &set;
    file.watch.events = event->events;
    file.watch.data = event->data;
    if ((file.ready() & (event->events | EPOLLERR | EPOLLHUP)) != 0) wake(file);
    return 0;
}

int Kernel::collect(Epoll& set, epoll_event* events, int room) {
    std::vector<File*> listed;
    listed.swap(set.listed);
    for (std::size_t i = listed.size(); i > 1; --i) {
        std::swap(listed[i - 1], listed[random_.below(i)]);
    }
    int count = 0;
    for (File* const file : listed) {
        const auto& watch = file->watch;
        const std::uint32_t ready = file->ready() & (watch.events | EPOLLERR | EPOLLHUP);
        if (ready != 0 && count == room) {
            set.listed.push_back(file);
            continue;
        }
        const bool again = ready != 0 && (watch.events & EPOLLET) == 0;
        file->watch.listed = again;
        if (again) set.listed.push_back(file);
        if (ready == 0) continue;
        events[count++] = {.events = ready, .data = watch.data};
        file->told(ready);
    }
    return count;
}

// Between an event and the thread's turn.
void Kernel::oversleep() {
    const TimePoint due = now_;
    const std::size_t chance = random_.below(64);
    if (chance == 0) pass(std::chrono::microseconds(random_.below(20'000)));
    if (chance < 8) pass(std::chrono::microseconds(random_.below(300)));
    pass(std::exchange(sleep_, Duration(0)));
    longest_sleep_ = std::max(longest_sleep_, now_ - due);
}

// Until there are events, or the time is over.
void Kernel::block(const Epoll& set, TimePoint limit) {
    if (set.ready() == 0) on_idle(round_began_);
    while (set.ready() == 0 && now_ < limit) {
        if (events_.empty() && limit == TimePoint::max()) {
            throw std::runtime_error("the worker waits for ever");
        }
        run_until(events_.empty() ? limit : std::min(limit, events_.top().when));
    }
    oversleep();
}

int Kernel::wait(Epoll& set, epoll_event* events, int room, Duration timeout) {
    if (++waits_ > most_waits) throw std::runtime_error("the worker turns in circles");
    calls_ = 0;
    if (timeout != Duration(0)) {
        block(set, timeout < Duration(0) ? TimePoint::max() : now_ + timeout);
    } else {
        spend_call();
    }
    round_began_ = now_;
    return collect(set, events, room);
}

}  // namespace ringway::simulation::data
