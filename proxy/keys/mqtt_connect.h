// Keys from the CONNECT packet of MQTT 3.1, 3.1.1 and 5.0 (section 3.1 of each). Pure.
#pragma once

#include <string>
#include <string_view>

#include "conf/config.h"
#include "proxy/keys/parse_status.h"

namespace ringway::proxy {

// from: mqtt_client_id, mqtt_username. What follows the key in the packet is not read.
class MqttConnectParser {
public:
    explicit MqttConnectParser(const conf::KeyPart& part) : part_(&part) {}
    ParseStatus read(std::string_view head, std::string& key) const;

private:
    const conf::KeyPart* part_;
};

}  // namespace ringway::proxy
