// Which route of a listener hides a later one. Internal to conf/.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "conf/routes.h"

namespace ringway::conf {

// Routes in the order of the file. Looking up a name takes as long as it has labels, however many
// routes there are.
class RouteOrder {
public:
    // The first route before this one that every connection fits which fits `match`, whatever names
    // its clients show.
    std::optional<std::size_t> before(const RouteMatch& match) const;
    // The same for those of its connections whose clients show `name`, one of its own.
    std::optional<std::size_t> before(const RouteMatch& match, const NamePattern& name) const;

    void add(RouteMatch match);

private:
    using Indices = std::vector<std::size_t>;
    using Names = std::map<std::string, Indices, std::less<>>;

    std::optional<std::size_t> first_of(const Indices* some, const RouteMatch& match) const;

    std::vector<RouteMatch> all_;
    Indices nameless_;
    Names exact_;
    Names suffixes_;
};

}  // namespace ringway::conf
