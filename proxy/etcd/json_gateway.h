// The requests and the answers of etcd's JSON gateway (grpc-gateway), as text and as values. What
// an answer has besides is ignored; an answer that breaks the form is an error. Pure; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.h"

namespace ringway::proxy {

// Why there is no answer, or what an answer has instead.
struct EtcdError {
    enum class Kind : std::uint8_t {
        no_answer,        // not reached, cut off, or not in time
        malformed,        // an answer that cannot be understood
        unavailable,      // the member cannot serve now: no leader, no quorum, overloaded
        token_refused,    // the token is unknown or expired, or there is none
        auth_disabled,    // users are not checked
        compacted,        // the revision is older than what is kept
        future,           // the revision is newer than what is known
        lease_not_found,  // expired or revoked
        refused,          // for another reason, which all members share
        closed,           // the client was closed meanwhile
    };
    Kind kind = Kind::no_answer;
    std::string text{};  // for people, presentable
    bool operator==(const EtcdError&) const = default;
};

template <class T>
using EtcdResult = Result<T, EtcdError>;

// What every answer begins with.
struct EtcdHeader {
    std::uint64_t cluster = 0;
    std::int64_t revision = 0;  // of the whole store
    std::uint64_t term = 0;     // of Raft
    bool operator==(const EtcdHeader&) const = default;
};

struct EtcdKeyValue {
    std::string key;
    std::string value;
    std::int64_t mod_revision = 0;  // at which it was last put or deleted
    std::int64_t lease = 0;         // 0: none
    bool operator==(const EtcdKeyValue&) const = default;
};

struct EtcdPage {
    EtcdHeader header;
    std::vector<EtcdKeyValue> keys;  // in order
    bool more = false;               // there are keys after these
};

struct EtcdEvent {
    bool is_delete = false;
    EtcdKeyValue key;  // of a delete: without a value
    bool operator==(const EtcdEvent&) const = default;
};

// A message of a watch. One without events and flags tells progress: all events up to the
// revision of its header have been sent.
struct EtcdWatchMessage {
    EtcdHeader header;
    bool created = false;
    bool canceled = false;  // nothing follows
    std::string cancel_reason{};
    std::int64_t compacted = 0;  // canceled: the first revision that is kept, if that is why
    std::vector<EtcdEvent> events{};
};

struct EtcdLease {
    std::int64_t id = 0;
    std::chrono::seconds ttl{0};  // 0: there is no such lease
    bool operator==(const EtcdLease&) const = default;
};

// Paths of the calls.
namespace etcd_path {
inline constexpr std::string_view range = "/v3/kv/range";
inline constexpr std::string_view put = "/v3/kv/put";
inline constexpr std::string_view remove = "/v3/kv/deleterange";
inline constexpr std::string_view watch = "/v3/watch";
inline constexpr std::string_view grant = "/v3/lease/grant";
inline constexpr std::string_view keep_alive = "/v3/lease/keepalive";
inline constexpr std::string_view revoke = "/v3/lease/revoke";
inline constexpr std::string_view authenticate = "/v3/auth/authenticate";
}  // namespace etcd_path

inline constexpr std::size_t etcd_message_bytes_max = 64 << 20;

// The first key after all that begin with `prefix`, as the end of a range; "\0" for no end.
std::string end_of_prefix(std::string_view prefix);

// Keys from `from` until before `end`, at most `limit`, as they were at `revision` (0: now).
// Linearizable: a member without quorum has no answer.
std::string range_request(std::string_view from, std::string_view end, std::size_t limit,
                          std::int64_t revision);
// The count of keys of a prefix alone, as it was at `revision`: whether that is still kept.
std::string probe_request(std::string_view prefix, std::int64_t revision);
std::string put_request(std::string_view key, std::string_view value, std::int64_t lease);
std::string remove_request(std::string_view key);
// What happens to keys of the prefix, from `revision` on.
std::string watch_request(std::string_view prefix, std::int64_t revision);
std::string grant_request(std::chrono::seconds ttl);
std::string lease_request(std::int64_t id);  // to keep it alive, or to revoke it
std::string authenticate_request(std::string_view name, std::string_view password);

// Of an answer with HTTP's status 200; one that has an error instead is that error.
EtcdResult<EtcdPage> parse_page(std::string_view text);
EtcdResult<EtcdHeader> parse_header(std::string_view text);  // of a put, a removal, a revocation
EtcdResult<EtcdLease> parse_lease(std::string_view text);    // granted
EtcdResult<EtcdLease> parse_kept(std::string_view text);     // kept alive, or not
EtcdResult<std::string> parse_token(std::string_view text);
EtcdResult<EtcdWatchMessage> parse_watch_message(std::string_view text);

// Of an answer with another status.
EtcdError parse_error(unsigned status, std::string_view text);

// Text of others in an error: presentable, and short.
std::string brief(std::string_view text);

}  // namespace ringway::proxy
