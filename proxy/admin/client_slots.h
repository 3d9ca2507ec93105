// The places of a server's clients, of which there are few: where one is wanted and none is
// free, who only waits is closed first, longest first, then who has not taken an answer for a
// while. So nobody who holds connections open keeps others out. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>

#include "proxy/base/clock.h"

namespace ringway::proxy {

class Places {
public:
    // A client's, for as long as it lives. `close` ends whatever the client waits for, and so
    // the client, in a later turn of the loop.
    class Place {
    public:
        Place(std::shared_ptr<Places> all, std::function<void()> close);
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        // From now on its client has been asked for an answer, or waits to ask.
        void set_answering(bool answering);

    private:
        friend class Places;

        bool gives_way(std::chrono::milliseconds unhurried) const;
        bool gives_way_before(const Place& other) const;

        const std::shared_ptr<Places> all_;
        const std::function<void()> close_;
        TimePoint since_ = Clock::now();
        bool answering_ = false;
        bool leaving_ = false;
    };

    std::size_t taken() const { return all_.size(); }

    // Closes the client that has the least claim to its place; one that is being answered has
    // none after `unhurried`. False where all have one.
    bool make_room(std::chrono::milliseconds unhurried);

private:
    std::set<Place*> all_;
};

}  // namespace ringway::proxy
