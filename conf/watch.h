// Judges the parts of a file while it is read: a hostile file is abandoned after 100 errors, a
// large valid one is read to its end. One thread; one watch a file.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "conf/parse.h"
#include "conf/section.h"
#include "conf/yaml.h"

namespace ringway::conf {

class PartsWatch {
public:
    // A conf::Watch.
    std::optional<std::size_t> on_node(const std::vector<Node>& around, const Node& complete);

private:
    std::optional<std::size_t> on_server(const Node& server);
    std::optional<std::size_t> on_pool(const Node& key, const Node& pool);
    std::optional<std::size_t> on_listener(const Node& listener);
    std::optional<std::size_t> on_certificate(const Node& certificate);
    std::optional<std::size_t> on_route(const Node& route);
    std::optional<std::size_t> on_name(const Node& name);
    std::optional<std::size_t> judge(std::size_t new_errors, std::size_t characters_max) const;
    std::size_t errors() const { return errors_ + errors_of_pool_ + errors_of_listener_; }

    std::size_t errors_ = 0;          // of the listeners and pools that are complete
    std::size_t errors_of_pool_ = 0;  // of the servers of a pool that is not
    std::size_t errors_of_listener_ =
        0;  // of the certificates and routes of a listener that is not
    std::size_t listeners_ = 0;
    std::size_t pools_ = 0;
    std::size_t servers_ = 0;       // of that pool
    std::size_t certificates_ = 0;  // of that listener
    std::size_t routes_ = 0;        // of that listener
    std::size_t names_of_route_ = 0;
    std::optional<Unique> ids_;
    std::optional<Unique> chains_;
    Unique names_{"the name"};
    ListenerChecks checks_;
};

}  // namespace ringway::conf
