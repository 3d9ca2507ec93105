// All that a client has to bring before a server is chosen: the PROXY header where
// its listener demands one, then the key, together within one limit of size. Pure
// but for `on_missing: random`; the same answer however the bytes were cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "conf/config.h"
#include "proxy/data/close_reason.h"
#include "proxy/keys/key_reader.h"
#include "proxy/keys/recipe.h"

namespace ringway::proxy {

// What a connection is placed by.
enum class PlacedBy : std::uint8_t {
    nothing,  // so far
    key,
    source_ip,  // its bytes have no key: on_missing
    random,     // the same
};
const char* to_string(PlacedBy placed_by);

class Intake {
public:
    // `origin` is the accepted socket's; its destination is needed where the recipe
    // says so. `proxy` is null where no header is expected. Both it and `recipe` must
    // outlive this.
    Intake(const KeyRecipe& recipe, const conf::ProxyProtocol* proxy, Origin origin);

    // Until there is a key or a refusal.
    bool wants_bytes() const { return refusal_ == End::none && placed_by_ == PlacedBy::nothing; }
    // What read() may be given at most.
    std::size_t limit_bytes() const { return left_bytes_; }
    // `head` is what has come and was not taken off by an earlier call: a complete
    // PROXY header is taken off its front, all else stays for the server.
    void read(std::string& head);
    // The client has ended its side: what it has not brought will not come. `head` as read()
    // has left it.
    void end(const std::string& head);
    // From now on who has no key has none, once its PROXY header has come: on_missing's after.
    void end_patience();
    bool is_patient() const { return patient_; }

    // Why there is no key; none where there is one.
    End refusal() const { return refusal_; }
    const std::string& key() const { return key_; }
    PlacedBy placed_by() const { return placed_by_; }
    // Why it was not placed by its key.
    End missing() const { return missing_; }

    // By the PROXY header, once that has been read.
    const Origin& origin() const { return origin_; }
    // The host that the client asked for, by the PROXY header or its ClientHello; empty
    // where neither was read.
    std::string authority() const;

private:
    void read_header(std::string& head);
    void read_key(const std::string& head);
    void give_up_if_late();
    void place_without_key(End why);

    const KeyRecipe& recipe_;
    const conf::ProxyProtocol* proxy_;  // null once its header has been read
    Origin origin_;
    KeyReader reader_;
    std::size_t left_bytes_;
    bool patient_;  // a key that is not there yet may still come
    std::string key_;
    PlacedBy placed_by_ = PlacedBy::nothing;
    End refusal_ = End::none;
    End missing_ = End::none;
};

}  // namespace ringway::proxy
