#include "tools/ringctl/top.h"

#include <csignal>
#include <cstdio>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

#include "tools/ringctl/answers.h"
#include "tools/ringctl/known_terminal.h"
#include "tools/ringctl/rates.h"
#include "tools/ringctl/screen.h"

// Last, since it defines macros of common names.
#define NCURSES_NOMACROS 1
#include <ncurses.h>

namespace ringway::ringctl {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds ask_interval{1};
constexpr milliseconds ask_timeout{1'000};
constexpr milliseconds key_interval{100};

volatile std::sig_atomic_t is_interrupted = 0;

// Polls the proxy on a thread of its own, so that keys work while the proxy does not answer. Any
// thread.
class Asker {
public:
    explicit Asker(std::string socket) : socket_(std::move(socket)) {
        // Signals are for the thread that draws.
        sigset_t all, before;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        thread_ = std::thread([this] { run(); });
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    ~Asker() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    // What is new since the last call.
    std::optional<TopState> news() {
        const std::lock_guard lock(mutex_);
        return std::exchange(news_, std::nullopt);
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            lock.unlock();
            look();
            lock.lock();
            news_ = state_;
            wake_.wait_for(lock, ask_interval, [this] { return stopping_; });
        }
    }

    void look() {
        const auto looked = fill_state();
        state_.trouble = looked.error().text;
    }

    // Up to the first answer that cannot be had.
    Result<void> fill_state() {
        const auto status = answer_to("status");
        if (!status) return status.error();
        state_.status = status->fields;
        const auto servers = answer_to("servers");
        if (!servers) return servers.error();
        state_.servers = rates_.take(servers->fields, Clock::now());
        const auto events = answer_to("events");
        if (!events) return events.error();
        state_.events = events->fields;
        state_.pools = pool_rows(state_.status, state_.servers);
        return {};
    }

    Result<Answer> answer_to(const std::string& command) const {
        return fetch(socket_, std::span(&command, 1), ask_timeout);
    }

    const std::string socket_;
    TopState state_;  // its own thread only
    Rates rates_;     // its own thread only
    std::mutex mutex_;
    std::condition_variable wake_;
    std::optional<TopState> news_;  // guarded by mutex_
    bool stopping_ = false;         // guarded by mutex_
    std::thread thread_;
};

// The terminal in full-screen mode.
class Terminal {
public:
    explicit Terminal(bool colours)
        : screen_(is_known_terminal() ? ::newterm(nullptr, stdout, stdin) : nullptr) {
        if (screen_ == nullptr) return;
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
            struct sigaction action {};
            action.sa_handler = [](int) { is_interrupted = 1; };
            ::sigaction(number, &action, nullptr);
        }
        ::cbreak();
        ::noecho();
        ::keypad(::stdscr, true);
        ::curs_set(0);
        ::wtimeout(::stdscr, static_cast<int>(key_interval.count()));
        has_colours_ =
            colours && ::has_colors() && ::start_color() == OK && ::use_default_colors() == OK;
        if (!has_colours_) return;
        ::init_pair(1, COLOR_GREEN, -1);
        ::init_pair(2, COLOR_YELLOW, -1);
        ::init_pair(3, COLOR_RED, -1);
    }
    ~Terminal() {
        if (screen_ == nullptr) return;
        ::endwin();
        ::delscreen(screen_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    explicit operator bool() const { return screen_ != nullptr; }

    static ScreenSize size() {
        return {static_cast<std::size_t>(std::max(::getmaxx(::stdscr), 0)),
                static_cast<std::size_t>(std::max(::getmaxy(::stdscr), 0))};
    }

    void draw(const std::vector<Line>& lines) const {
        ::werase(::stdscr);
        int row = 0;
        for (const Line& line : lines) {
            ::wmove(::stdscr, row++, 0);
            for (const Cell& cell : line) {
                ::wattrset(::stdscr, static_cast<int>(attributes(cell.tone)));
                ::waddnstr(::stdscr, cell.text.c_str(), static_cast<int>(cell.text.size()));
            }
        }
        ::wrefresh(::stdscr);
    }

    // A key, or ERR after a timeout.
    static int key() { return ::wgetch(::stdscr); }

private:
    chtype attributes(Tone tone) const {
        const auto pair = [this](short number) {
            return has_colours_ ? static_cast<chtype>(COLOR_PAIR(number)) : chtype{0};
        };
        switch (tone) {
            case Tone::strong:
                return A_BOLD;
            case Tone::faint:
                return A_DIM;
            case Tone::good:
                return pair(1);
            case Tone::warning:
                return pair(2);
            case Tone::bad:
                return pair(3) | A_BOLD;
            case Tone::plain:
                break;
        }
        return A_NORMAL;
    }

    SCREEN* screen_;
    bool has_colours_ = false;
};

std::optional<TopView::Key> meaning_of(int key) {
    using Key = TopView::Key;
    switch (key) {
        case '<':
        case KEY_LEFT:
            return Key::sort_left;
        case '>':
        case KEY_RIGHT:
            return Key::sort_right;
        case 'r':
            return Key::reverse;
        case 'p':
            return Key::pool;
        case 'k':
        case KEY_UP:
            return Key::up;
        case 'j':
        case KEY_DOWN:
            return Key::down;
        case KEY_PPAGE:
            return Key::page_up;
        case KEY_NPAGE:
            return Key::page_down;
        case KEY_HOME:
            return Key::home;
        case KEY_END:
            return Key::end;
        default:
            return std::nullopt;
    }
}

}  // namespace

ExitCode top(const Request& request, const Surroundings& surroundings, std::ostream& err) {
    if (!surroundings.terminal || ::isatty(STDIN_FILENO) == 0) {
        err << "ringctl: top needs a terminal; `ringctl --watch servers` does without\n";
        return exit_usage;
    }
    const Terminal terminal(request.colours);
    if (!terminal) {
        err << "ringctl: top cannot use this terminal: is TERM what it is?\n";
        return exit_usage;
    }
    Asker asker(request.socket);
    TopState state;
    TopView view;
    if (request.words.size() > 1) view.pool = request.words[1];
    bool is_stale = true;
    while (is_interrupted == 0) {
        if (auto news = asker.news()) {
            state = std::move(*news);
            is_stale = true;
        }
        if (std::exchange(is_stale, false)) {
            terminal.draw(lay_out(state, view, Terminal::size(), request.utf8));
        }
        const int key = Terminal::key();
        if (key == 'q') break;
        if (const auto meaning = meaning_of(key)) view.press(*meaning, state);
        is_stale = key != ERR;  // KEY_RESIZE too
    }
    return exit_done;
}

}  // namespace ringway::ringctl
