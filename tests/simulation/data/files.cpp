#include "tests/simulation/data/files.h"

namespace ringway::simulation::data {

void Pipe::push(const Link& source, std::uint64_t at, std::size_t size) {
    pieces.push_back({&source, at, size});
    bytes += size;
}

void Pipe::drop(std::size_t size) {
    Piece& first = pieces.front();
    first.at += size;
    first.bytes -= size;
    bytes -= size;
    if (first.bytes == 0) pieces.pop_front();
}

}  // namespace ringway::simulation::data
