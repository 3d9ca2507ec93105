#include <algorithm>
#include <filesystem>

#include "conf/overlap.h"
#include "conf/parse.h"
#include "conf/text.h"

namespace ringway::conf {
namespace {

std::string group_of(const Endpoint& address) {
    if (!address.is_unix) return std::to_string(address.port);
    return std::filesystem::path(address.path).lexically_normal().string();
}

}  // namespace

// The first that does not fit is enough.
void Binds::check(const Section& section, const Listener& listener) {
    for (const Endpoint& bind : listener.addresses()) {
        if (!check_one(section, bind)) return;
    }
}

bool Binds::check_one(const Section& section, const Endpoint& bind) {
    if (const auto reason = why_not_listened_on(bind)) {
        section.error("bind", std::string(*reason));
        return false;
    }
    auto& group = groups_[group_of(bind)];
    const Position here = section.where("bind");
    const auto before =
        std::ranges::find_if(group, [&](const Bind& other) { return shadow(other.address, bind); });
    if (before != group.end()) {
        const auto places =
            " given twice, at " + to_string(before->position) + " and " + to_string(here);
        if (before->address == bind) {
            section.error("bind", "the address " + conf::quoted(bind.to_string()) + places);
        } else {
            section.error("bind", "one address as " + conf::quoted(before->address.to_string()) +
                                      " and " + conf::quoted(bind.to_string()) + places +
                                      ": only one of them would get clients");
        }
        return false;
    }
    group.push_back({bind, here});
    return true;
}

const Binds::Bind* Binds::overlapping(const Endpoint& address) const {
    const auto group = groups_.find(group_of(address));
    if (group == groups_.end()) return nullptr;
    const auto found = std::ranges::find_if(
        group->second, [&](const Bind& bind) { return overlap(bind.address, address); });
    return found == group->second.end() ? nullptr : &*found;
}

}  // namespace ringway::conf
