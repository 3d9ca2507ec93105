// Sequences of calls to a ring::Balancer, against a model. After each: the same is refused, the
// members, counts and verdicts are the model's, walks are those of brute force, and a Balancer that
// gets the same members at once is the same ring.
#include "ring/balancer.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/balancer_pair.h"
#include "tests/fuzz/mutation.h"

using namespace ringway;
using namespace ringway::ring;
using fuzz::require;

namespace {

constexpr std::size_t settings_bytes = 4;
constexpr std::size_t call_bytes = 4;
constexpr std::size_t calls_max = 40;
constexpr std::size_t huge_vnodes = 65'536;

// What a call does; the other bytes are what it does it to.
enum class Kind : std::uint8_t {
    add,
    remove,
    set_status,
    set_weight,
    set_ramp,
    set_limit,
    set_context,
    batch,
    pick,
    claim,
    release,
    ask,
    renew,
    crowd,
    end
};

std::string id_of(std::uint8_t byte) {
    switch (byte % 16) {
        case 0:
            return "";
        case 1:
            return std::string(255, 'x');
        case 2:
            return std::string(256, 'x');
        case 3:
            return {'\0', '"', '\\', '\xff'};
        default:
            return "s" + std::to_string(byte % 16);
    }
}

std::uint32_t weight_of(std::uint8_t byte) {
    static constexpr std::array<std::uint32_t, 8> weights{0, 1, 1, 2, 3, 7, 12, 1001};
    return byte == 255 ? 300 : weights[byte % weights.size()];
}

std::uint32_t ramp_of(std::uint8_t byte) {
    return byte % 4 == 0 ? full_ramp : std::uint32_t{byte} * 4;
}

Settings settings_of(const std::uint8_t* data) {
    static constexpr std::array<double, 8> factors{0, 0, 0, 1, 1.25, 2, 1'000'000, 0.5};
    Settings settings;
    if (data[0] % 16 == 1) settings.algorithm = Algorithm::maglev;
    if (data[0] % 16 == 2) settings.algorithm = static_cast<Algorithm>(9);
    if (data[0] % 32 == 3) settings.mapping = 2;
    if (data[0] % 32 == 4) settings.key_hash = static_cast<KeyHash>(9);
    if (data[0] % 2 == 0 && data[0] % 32 != 4) settings.key_hash = KeyHash::xxh3;
    settings.vnodes = data[1] == 255 ? huge_vnodes : data[1] == 254 ? 40 : data[1] % 32;
    settings.balance_factor = factors[data[2] % factors.size()];
    settings.seed = std::string(data[3] == 255 ? 4097 : data[3] % 4, 's');
    return settings;
}

bool is_good(const Settings& settings) {
    const double factor = settings.balance_factor;
    return settings.mapping == 1 && settings.vnodes >= 1 && settings.seed.size() <= 4096 &&
           settings.algorithm <= Algorithm::maglev && settings.key_hash <= KeyHash::xxh3 &&
           (factor == 0 || factor >= 1);
}

// Does the calls of one input.
class Calls {
public:
    explicit Calls(const Settings& settings) : pair_(settings) {}

    void call(const std::uint8_t* data);
    void end_batch();

private:
    Change change(Kind kind, const std::uint8_t* data) const;
    std::vector<Change> crowd(const std::uint8_t* data) const;
    std::uint64_t hash_of(const std::uint8_t* data) const;

    fuzz::BalancerPair pair_;
    std::optional<std::vector<Change>> batch_;
    const std::array<std::shared_ptr<void>, 3> contexts_{nullptr, std::make_shared<int>(1),
                                                         std::make_shared<int>(2)};
};

Change Calls::change(Kind kind, const std::uint8_t* data) const {
    const std::string id = id_of(data[0]);
    // The points of so many vnodes are only counted here, not made.
    const bool is_huge = pair_.settings().vnodes == huge_vnodes;
    switch (kind) {
        case Kind::remove:
            return Unregister{id};
        case Kind::set_status:
            if (is_huge) return SetStatus{id, Status::draining};
            return SetStatus{id, static_cast<Status>(data[1] % 4)};
        case Kind::set_weight:
            return SetWeight{id, weight_of(data[1])};
        case Kind::set_ramp:
            return SetRamp{id, ramp_of(data[1])};
        case Kind::set_limit:
            return SetLimit{id, data[1] % 4U};
        case Kind::set_context:
            return SetContext{id, contexts_[data[1] % contexts_.size()]};
        default:
            break;
    }
    ServerSpec spec{.id = id, .weight = weight_of(data[1])};
    if (data[2] % 4 == 1) spec.status = static_cast<Status>(data[2] / 4 % 4);
    if (data[2] % 4 == 2) spec.ramp = ramp_of(data[2]);
    if (data[2] % 4 == 3) spec.max_connections = data[2] / 4 % 3;
    if (is_huge) spec.status = Status::offline;
    return spec;
}

// Many servers come, or go.
std::vector<Change> Calls::crowd(const std::uint8_t* data) const {
    std::vector<Change> changes;
    for (int i = 0; i < data[0] % 80; ++i) {
        const std::string id = "crowd-" + std::to_string(i);
        if (pair_.balancer().server_status(id)) {
            changes.emplace_back(Unregister{id});
        } else {
            changes.emplace_back(ServerSpec{.id = id, .weight = data[1] % 2U});
        }
    }
    return changes;
}

// Any, or one at a point, beside it, or across the circle.
std::uint64_t Calls::hash_of(const std::uint8_t* data) const {
    const std::uint64_t number = std::uint64_t{data[0]} << 8 | data[1];
    if (pair_.points().empty() || data[2] % 2 == 0) {
        const std::string key =
            data[2] % 16 == 0 ? std::string(number % 600, 'k') : std::to_string(number);
        pair_.check_key(key);
        return pair_.balancer().snapshot()->hash(key);
    }
    static constexpr std::array<std::uint64_t, 5> offsets{
        0, 1, ~std::uint64_t{0}, std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1};
    return pair_.points()[number % pair_.points().size()].position +
           offsets[data[2] / 2 % offsets.size()];
}

void Calls::end_batch() {
    if (batch_) pair_.apply(*std::exchange(batch_, std::nullopt));
}

void Calls::call(const std::uint8_t* data) {
    const auto kind = static_cast<Kind>(data[0] % static_cast<std::uint8_t>(Kind::end));
    if (kind < Kind::batch) {
        const Change wanted = change(kind, data + 1);
        if (batch_) {
            batch_->push_back(wanted);
        } else {
            pair_.apply({wanted});
        }
        return;
    }
    if (kind == Kind::batch) {
        if (!batch_) return void(batch_.emplace());
        return end_batch();
    }
    if (pair_.settings().vnodes == huge_vnodes) return;
    end_batch();
    switch (kind) {
        case Kind::pick:
            pair_.pick(hash_of(data + 1));
            break;
        case Kind::claim:
            pair_.claim(id_of(data[1]));
            break;
        case Kind::release:
            pair_.release(data[1]);
            break;
        case Kind::ask:
            pair_.check_hash(hash_of(data + 1));
            if (data[1] % 8 == 0) pair_.check_renewed();
            break;
        case Kind::crowd:
            pair_.apply(crowd(data + 1));
            break;
        default:
            if (data[2] % 2 == 0) pair_.rename(id_of(data[1]), id_of(data[3]));
            pair_.renew();
    }
    pair_.check_counts();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT
    if (size < settings_bytes) return 0;
    const Settings settings = settings_of(data);
    std::optional<Calls> calls;
    try {
        calls.emplace(settings);
    } catch (const Error&) {
    }
    require(calls.has_value() == is_good(settings), "settings are refused where they are to be");
    if (!calls) return 0;
    const bool maglev = settings.algorithm == Algorithm::maglev;
    const std::size_t count =
        std::min((size - settings_bytes) / call_bytes, maglev ? calls_max / 8 : calls_max);
    for (std::size_t i = 0; i < count; ++i) calls->call(data + settings_bytes + i * call_bytes);
    calls->end_batch();
    return 0;
}

// Whole calls move, double, vanish and change.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,  // NOLINT
                                               std::size_t size_max, unsigned seed) {
    fuzz::Chance chance(seed);
    std::string text = fuzz::text_of(data, size);
    if (size < settings_bytes) text.assign({'\0', '\4', '\0', '\0'});
    if (chance.one_in(20))
        text[chance.below(settings_bytes)] = static_cast<char>(chance.below(256));
    const auto call = [&] {
        std::string bytes;
        while (bytes.size() < call_bytes) bytes += static_cast<char>(chance.below(256));
        return bytes;
    };
    const std::size_t calls = (text.size() - settings_bytes) / call_bytes;
    const auto at = [&](std::size_t n) { return settings_bytes + n * call_bytes; };
    if (calls == 0) return fuzz::store(text + call(), data, size_max);
    const std::size_t first = at(chance.below(calls));
    switch (chance.below(5)) {
        case 0:
            text.erase(first, call_bytes * (1 + chance.below(4)));
            break;
        case 1:
            text.insert(at(chance.below(calls + 1)), text.substr(first, 2 * call_bytes));
            break;
        case 2:
            text.insert(first, call());
            break;
        case 3:
            text += call() + call();
            break;
        default:
            text[first + chance.below(call_bytes)] = static_cast<char>(chance.below(256));
    }
    return fuzz::store(text, data, size_max);
}
