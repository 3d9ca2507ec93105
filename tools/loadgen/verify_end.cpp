#include "tools/loadgen/verify_end.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringway::loadgen {

namespace {

constexpr std::uint64_t magic = 0x7279'6669'7265'7672;  // "rverifyr"
constexpr std::size_t max_piece_bytes = 64 << 10;
constexpr std::uint64_t pause_one_in = 24;
constexpr std::uint64_t max_pause_ms = 8;
constexpr int pieces_per_turn = 4;

enum class Purpose : std::uint64_t { plan = 1, up, down, client_pace, server_pace };

std::uint64_t derive(std::uint64_t seed, Purpose purpose) {
    return mix(seed ^ mix(static_cast<std::uint64_t>(purpose)));
}

Duration random_pause(Random& pace) {
    if (pace.below(pause_one_in) != 0) return Duration::zero();
    return std::chrono::milliseconds(pace.below(max_pause_ms + 1));
}

}  // namespace

VerifyPlan::VerifyPlan(std::uint64_t the_seed, std::uint64_t most)
    : seed(the_seed), max_bytes(most) {
    Random random(derive(seed, Purpose::plan));
    // One direction in eight is silent.
    up_bytes = random.below(8) == 0 ? 0 : random.size_up_to(max_bytes);
    down_bytes = random.below(8) == 0 ? 0 : random.size_up_to(max_bytes);
    ending = static_cast<Ending>(random.below(5));
    const bool resets = ending == Ending::client_resets || ending == Ending::server_resets;
    const std::uint64_t whole = ending == Ending::client_resets ? up_bytes : down_bytes;
    // At least the last byte is missing: only then is a clean end there an error.
    broken_after = resets && whole > 0 ? random.below(whole) : 0;
}

VerifyHeader::Bytes VerifyHeader::encode(const VerifyPlan& plan) {
    const std::array<std::uint64_t, 3> words = {magic, plan.seed, plan.max_bytes};
    Bytes bytes;
    std::memcpy(bytes.data(), words.data(), bytes.size());
    return bytes;
}

std::optional<VerifyPlan> VerifyHeader::decode(const Bytes& bytes) {
    std::array<std::uint64_t, 3> words{};
    std::memcpy(words.data(), bytes.data(), bytes.size());
    if (words[0] != magic || words[2] == 0) return std::nullopt;
    return VerifyPlan(words[1], words[2]);
}

VerifyEnd::VerifyEnd(const VerifyPlan& plan, Role role)
    : plan_(plan),
      role_(role),
      out_(derive(plan.seed, role == Role::client ? Purpose::up : Purpose::down)),
      in_(derive(plan.seed, role == Role::client ? Purpose::down : Purpose::up)),
      pace_(derive(plan.seed, role == Role::client ? Purpose::client_pace : Purpose::server_pace)) {
}

bool VerifyEnd::breaks_off() const {
    return plan_.ending == (role_ == Role::client ? Ending::client_resets : Ending::server_resets);
}

bool VerifyEnd::is_broken_off() const {
    return plan_.ending == (role_ == Role::client ? Ending::server_resets : Ending::client_resets);
}

std::uint64_t VerifyEnd::bytes_to_send() const {
    if (breaks_off()) return plan_.broken_after;
    return role_ == Role::client ? plan_.up_bytes : plan_.down_bytes;
}

std::uint64_t VerifyEnd::bytes_to_receive() const {
    return role_ == Role::client ? plan_.down_bytes : plan_.up_bytes;
}

// When all is sent.
bool VerifyEnd::may_end() const {
    if (is_broken_off()) return false;  // waits for the reset
    const Ending waits_for_other =
        role_ == Role::client ? Ending::server_first : Ending::client_first;
    return plan_.ending != waits_for_other || saw_end_;
}

VerifyEnd::State VerifyEnd::pump(Fd& socket, TimePoint now) {
    const State state = receive_some(socket, now);
    return state == State::running ? send_some(socket, now) : state;
}

VerifyEnd::State VerifyEnd::receive_some(Fd& socket, TimePoint now) {
    std::array<char, max_piece_bytes> got_bytes;
    std::array<char, max_piece_bytes> expected;
    for (int i = 0; i < pieces_per_turn && now >= receive_after_ && !saw_end_; ++i) {
        const std::size_t room = pace_.size_up_to(max_piece_bytes);
        const ssize_t got = ::recv(socket.get(), got_bytes.data(), room, 0);
        if (got < 0 && errno == EAGAIN) break;
        if (got < 0) return on_broken();
        if (got == 0) return on_end();
        const auto size = static_cast<std::size_t>(got);
        in_.fill(received_, {expected.data(), size});
        received_ += size;
        const bool right = std::memcmp(got_bytes.data(), expected.data(), size) == 0;
        if (!right || received_ > bytes_to_receive()) return fail(Failure::wrong_bytes);
        receive_after_ = now + random_pause(pace_);
    }
    return State::running;
}

VerifyEnd::State VerifyEnd::send_some(Fd& socket, TimePoint now) {
    std::array<char, max_piece_bytes> piece;
    for (int i = 0; i < pieces_per_turn && now >= send_after_; ++i) {
        const std::uint64_t left = bytes_to_send() - sent_;
        if (left == 0) break;
        const std::size_t size = pace_.size_up_to(std::min<std::uint64_t>(left, max_piece_bytes));
        out_.fill(sent_, {piece.data(), size});
        const ssize_t sent = ::send(socket.get(), piece.data(), size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) return on_broken();
        sent_ += static_cast<std::uint64_t>(sent);
        send_after_ = now + random_pause(pace_);
    }
    if (sent_ < bytes_to_send() || ended_) return State::running;
    if (breaks_off()) {
        socket.close_with_reset();
        return State::done;
    }
    if (!may_end()) return State::running;
    ended_ = true;
    ::shutdown(socket.get(), SHUT_WR);
    return saw_end_ ? State::done : State::running;
}

// A reset is right only where the plan has one.
VerifyEnd::State VerifyEnd::on_broken() {
    return is_broken_off() ? State::done : fail(Failure::reset);
}

VerifyEnd::State VerifyEnd::on_end() {
    saw_end_ = true;
    if (is_broken_off()) return fail(Failure::not_reset);
    if (breaks_off() || received_ < bytes_to_receive()) return fail(Failure::early_end);
    return ended_ ? State::done : State::running;
}

VerifyEnd::State VerifyEnd::fail(Failure failure) {
    failure_ = failure;
    return State::failed;
}

}  // namespace ringway::loadgen
