#include "proxy/data/relay.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ringway::proxy {

namespace {

// Reads or splices, and bytes, of one direction in one turn; then others get theirs.
// A third would run after the little that came during the second: what comes while
// others have their turn is moved in larger pieces.
constexpr int max_moves_per_turn = 2;
constexpr std::uint64_t max_bytes_per_turn = 1 << 20;
// A direction goes over to splice after so many reads in a row that filled the buffer,
// and back to copying after so many dry spells in a row with only little before each.
constexpr int full_reads_for_bulk = 2;
constexpr int small_spells_for_copy = 4;
constexpr std::size_t small_spell_bytes = 16 << 10;
// What one splice may move. A default pipe has 16 slots of up to a page run each.
constexpr std::size_t max_splice_bytes = 1 << 20;

// A direction of so few bytes is not asked for what its reader has yet to take: they fit
// into the first window of nearly everybody, and the kernel goes on for minutes anyway.
constexpr std::uint64_t small_stream_bytes = 4096;

}  // namespace

void Side::on_ready(std::uint32_t events) {
    if (!stream) return;
    constexpr std::uint32_t any_end = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    // EPOLLPRI comes alone while the urgent byte is all there is to read.
    if (events & (EPOLLIN | EPOLLPRI | any_end)) readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable = true;
    if (events & any_end) hung_up = true;
    // The urgent byte of TCP is a byte of the stream like others (RFC 6093) and delivered in
    // its place: SO_OOBINLINE is on from the beginning, since setting it now is too late for
    // a byte that another urgent one has followed.
    if (events & EPOLLPRI) urgent = true;
    if (events & EPOLLERR) set_broken(0);
    owner_.on_side_ready();
}

// Urgent bytes and errors are looked at one call after the other.
void Side::begin_read(std::uint32_t events, Batch& batch) {
    constexpr std::uint32_t not_in_line = EPOLLPRI | EPOLLERR;
    if ((events & EPOLLIN) == 0 || (events & not_in_line) != 0) return;
    if (!stream || urgent || broken || stream.has_buffered_bytes()) return;
    if (!owner_.will_read(*this)) return;
    readable = true;
    stream.begin_read(batch, *this, relay_buffer_bytes);
}

bool Side::open(Stream opened, Poller& poller) {
    close();
    stream = std::move(opened);
    constexpr std::uint32_t events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    return poller.add(stream.descriptor(), *this, events);
}

void Side::close() {
    stream.close();
    readable = writable = hung_up = urgent = broken = gone = false;
    error = 0;
}

void Side::close_with_reset() {
    stream.close_with_reset();
    close();
}

// EPOLLERR says that there is an error, not which.
void Side::set_broken(int reason) {
    if (broken) return;
    broken = readable = hung_up = true;
    error = reason != 0 ? reason : stream.take_error();
}

void Relay::hold_for_server(std::string_view head) {
    hold(up_, head);
}

Relay::State Relay::pump() {
    if (writing_ && !take_written()) return State::writing;
    const State state = move_both();
    return writing_ ? State::writing : state;
}

// Takes note of what the batch has written; false if that is still to come.
bool Relay::take_written() {
    const auto take = [this](Flow& flow, const Side& from, Side& to) {
        Batch::Slot* const slot = slot_of(from);
        if (slot != nullptr && slot->is_pending()) return false;
        if (slot != nullptr && slot->is_written()) {
            give(flow, to, slot->bytes().substr(0, slot->clear_bytes()),
                 to.stream.take_written(*slot));
            slot->release();
        }
        return true;
    };
    const bool up_is_written = take(up_, client_, server_);
    const bool down_is_written = take(down_, server_, client_);
    writing_ = !up_is_written || !down_is_written;
    return !writing_;
}

Relay::State Relay::move_both() {
    if (intact()) move(up_, client_, server_, down_);
    if (intact()) move(down_, server_, client_, up_);
    if (client_.broken && server_.broken) return State::ended;
    if (client_.broken) return settle(up_, client_, server_, down_);
    if (server_.broken) return settle(down_, server_, client_, up_);
    return up_.closed && down_.closed && is_delivered() ? State::ended : State::moving;
}

// Both directions have ended. A socket that is closed with bytes that its peer has no room
// for may lose them: the kernel gives up after some minutes of a closed window, or when there
// are many such sockets (tcp(7), tcp_orphan_retries, tcp_max_orphans), and reports it to nobody.
// So these are kept until all is acknowledged, which the kernel reports (EPOLLHUP). Bytes that
// were sent already need nobody but the kernel.
bool Relay::is_delivered() {
    const auto has_all = [](const Side& side) {
        return side.gone || side.stream.unacknowledged_bytes() == 0;
    };
    const auto may_lose = [](const Flow& flow, const Side& to) {
        return !to.gone && flow.bytes > small_stream_bytes && to.stream.unsent_bytes() > 0;
    };
    if (lingers_) return has_all(client_) && has_all(server_);
    lingers_ = may_lose(up_, server_) || may_lose(down_, client_);
    if (!lingers_) return true;
    // The second end was left to close().
    client_.stream.shut_down_writing();
    server_.stream.shut_down_writing();
    return false;
}

void Relay::close() {
    const bool clean = up_.closed && down_.closed && intact();
    for (Side* side : {&client_, &server_}) {
        if (Batch::Slot* const slot = slot_of(*side)) slot->release();
        if (clean || side->stream.has_sent_alert()) {
            tools_.poller.close(side->stream.take_socket());
            side->close();
        } else {
            side->close_with_reset();
        }
    }
    for (Flow* flow : {&up_, &down_}) {
        flow->held.reset();
        tools_.pipes.give_back(std::move(flow->pipe), flow->piped == 0);
        flow->piped = 0;
    }
}

// What was held goes first; then the source is read until it would block, has
// ended, or the turn is over; its end is passed on after its last byte.
void Relay::move(Flow& flow, Side& from, Side& to, const Flow& other) {
    const std::uint64_t turn_ends_at = flow.bytes + max_bytes_per_turn;
    for (int moves = 0; !flow.closed; ++moves) {
        const bool delivered = deliver_held(flow, to);
        // What a batch has read is taken all the same, and held.
        if (to.broken || (!delivered && slot_of(from) == nullptr)) return;
        if (flow.ended) {
            if (from.broken) return;
            if (const IoResult finished = to.stream.finish(); !finished.moved()) {
                to.writable = false;
                // All bytes are given: whether this is a failure, the peer's own end says.
                flow.closed = finished.failed();
                if (finished.failed()) to.set_broken(finished.error());
                return;
            }
            // When the other direction has ended too, closing `to` does the same.
            if (!other.closed && !to.stream.shut_down_writing()) return to.set_broken(0);
            flow.closed = true;
            return;
        }
        if (!from.readable) return ran_dry(flow);
        if (moves == max_moves_per_turn || flow.bytes >= turn_ends_at) {
            return tools_.poller.call_again(from);
        }
        if (flow.bulk && from.stream.can_splice() && to.stream.can_splice()) {
            fill_pipe(flow, from, to);
        } else {
            copy(flow, from, to);
        }
        if (to.broken || writing_) return;
    }
}

// True when nothing is held any more.
bool Relay::deliver_held(Flow& flow, Side& to) {
    if (to.stream.holds_unsent()) {
        const IoResult flushed = to.stream.flush();
        to.writable = flushed.moved();
        if (flushed.failed()) to.set_broken(flushed.error());
        if (!flushed.moved()) return false;
    }
    while (flow.holds() && to.writable) {
        const bool piped = flow.piped > 0;
        const IoResult sent = piped ? to.stream.splice_from(flow.pipe, flow.piped)
                                    : to.stream.write(flow.held->bytes());
        if (!sent.moved()) {
            to.writable = false;
            if (sent.failed()) to.set_broken(sent.error());
            return false;
        }
        to.writable = !to.stream.holds_unsent();
        flow.bytes += sent.bytes();
        if (piped) {
            flow.piped -= static_cast<std::uint32_t>(sent.bytes());
        } else if ((flow.held->begin += sent.bytes()) == flow.held->end) {
            flow.held.reset();
        }
    }
    return !flow.holds();
}

// Where the batch has read for this side, it also writes.
void Relay::copy(Flow& flow, Side& from, Side& to) {
    Batch::Slot* const slot = slot_of(from);
    std::string_view bytes;
    const IoResult got = slot != nullptr ? from.stream.take_read(*slot, tools_.buffer, bytes)
                                         : from.stream.read(tools_.buffer);
    if (!got.moved()) {
        if (slot != nullptr) slot->release();
        // A peer that was given up as lost has an open socket, from which no more comes.
        if (got.would_block() && !from.broken) {
            from.readable = from.stream.has_buffered_bytes();
            return;
        }
        if (got.failed()) from.set_broken(got.error());
        flow.ended = true;
        return;
    }
    if (slot == nullptr) bytes = {tools_.buffer.data(), got.bytes()};
    const bool full = bytes.size() == tools_.buffer.size();
    // A short read has emptied the socket (epoll(7), questions and answers), unless
    // it stopped at urgent data: more bytes, or an end that was not announced yet,
    // will be a new edge.
    const bool emptied = !full && !from.stream.has_buffered_bytes();
    if (emptied && !from.hung_up && !from.urgent) from.readable = false;
    note_sign(flow, full, full_reads_for_bulk);

    if (!to.writable) {
        hold(flow, bytes);
        if (slot != nullptr) slot->release();
        return;
    }
    // After a FIN that was announced these are the last bytes: they and the end
    // that follows at once share a segment.
    const bool last =
        emptied && from.hung_up && !from.urgent && !from.broken && from.stream.tls() == nullptr;
    if (slot != nullptr) {
        if (to.stream.begin_write(*slot, bytes, last)) {
            writing_ = true;
            return;
        }
        slot->release();
    }
    give(flow, to, bytes, to.stream.write(bytes, last));
}

// The reading side has taken some of `bytes`, or has failed.
void Relay::give(Flow& flow, Side& to, std::string_view bytes, IoResult taken) {
    if (taken.failed()) return to.set_broken(taken.error());
    const std::size_t sent = taken.moved() ? taken.bytes() : 0;
    to.writable = sent == bytes.size() && !to.stream.holds_unsent();
    flow.bytes += sent;
    hold(flow, bytes.substr(sent));
}

Batch::Slot* Relay::slot_of(const Side& side) {
    Batch* const batch = tools_.poller.batch();
    return batch != nullptr ? batch->find(side) : nullptr;
}

void Relay::fill_pipe(Flow& flow, Side& from, Side& to) {
    if (!flow.pipe) flow.pipe = tools_.pipes.take();
    if (!flow.pipe) {
        set_bulk(flow, false);
        return copy(flow, from, to);
    }
    const IoResult got = from.stream.splice_to(flow.pipe, max_splice_bytes);
    if (got.moved()) {
        flow.piped = static_cast<std::uint32_t>(got.bytes());
        constexpr auto most = std::numeric_limits<std::uint32_t>::max();
        flow.since_dry = flow.since_dry < most - flow.piped ? flow.since_dry + flow.piped : most;
        // Less than was asked for: the socket is empty, or the pipe has no slot left.
        // To ask is cheaper than a splice that moves nothing, or a crumb. As in copy(),
        // what comes later is a new edge.
        const bool may_be_empty = flow.piped < max_splice_bytes && !from.hung_up && !from.urgent;
        if (may_be_empty && from.stream.is_drained()) from.readable = false;
        return;
    }
    if (got.would_block() && !from.urgent && !from.broken) {
        from.readable = false;
        return;
    }
    // The socket reports its error once: a read would now see a clean end.
    if (got.failed()) from.set_broken(got.error());
    // What looks like the end may be the mark of urgent data: a read distinguishes them.
    ran_dry(flow);
    set_bulk(flow, false);
    copy(flow, from, to);
}

// The pipe goes back at once.
void Relay::ran_dry(Flow& flow) {
    if (!flow.pipe) return;
    tools_.pipes.give_back(std::move(flow.pipe), true);
    const bool small = std::exchange(flow.since_dry, 0U) < small_spell_bytes;
    note_sign(flow, small, small_spells_for_copy);
}

// Goes over to the other way to move bytes after `enough` signs for it in a row.
void Relay::note_sign(Flow& flow, bool sign, int enough) {
    flow.signs = sign ? static_cast<std::uint8_t>(flow.signs + 1) : std::uint8_t{0};
    if (flow.signs >= enough) set_bulk(flow, !flow.bulk);
}

// Signs for one way are none for the other.
void Relay::set_bulk(Flow& flow, bool bulk) {
    flow.bulk = bulk;
    flow.signs = 0;
}

void Relay::hold(Flow& flow, std::string_view bytes) {
    if (bytes.empty()) return;
    auto data = std::make_unique_for_overwrite<char[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), data.get());
    flow.held = std::make_unique<Held>(Held{0, bytes.size(), std::move(data)});
}

// `from` is broken: `to` shall have all that `from` sent before, acknowledged,
// because closing with a reset throws away what the kernel still has to send. A peer that has ended
// within TLS and closes resets when it gets this side's end: that is no failure.
Relay::State Relay::settle(Flow& flow, Side& from, Side& to, const Flow& other) {
    move(flow, from, to, other);
    if (to.broken) return State::ended;
    if (other.closed && from.stream.is_finished()) {
        from.broken = false;
        from.gone = true;
        move(flow, from, to, other);
        return flow.closed && is_delivered() ? State::ended : State::moving;
    }
    const bool all_given = flow.closed || (flow.ended && !flow.holds());
    if (!all_given) return State::moving;
    return to.stream.unacknowledged_bytes() == 0 ? State::ended : State::settling;
}

}  // namespace ringway::proxy
