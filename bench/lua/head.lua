-- Send one HEAD request over and over on many connections. wrk itself cannot: it waits for the body that the
-- Content-Length of the answer speaks of. So wrk only lends its LuaJIT here, and the loop over epoll is ours.
--
--   wrk -t1 -c1 -d1 -s head.lua URL -- CONNECTIONS SECONDS PATH [HEADER…]
--
-- init() does all the work and ends the process; answers hold no body, so each ends with an empty line.

local ffi = require("ffi")
local bit = require("bit")
ffi.cdef[[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  typedef struct __attribute__((packed)) { uint32_t events; uint64_t data; } bench_event;
  typedef struct { uint16_t family; uint16_t port; uint32_t address; char zero[8]; } bench_address;
  int clock_gettime(int clock, bench_time *time);
  int socket(int domain, int type, int protocol);
  int setsockopt(int socket, int level, int option, const int *value, unsigned int size);
  int connect(int socket, const bench_address *address, unsigned int size);
  long send(int socket, const char *bytes, size_t size, int flags);
  long recv(int socket, char *bytes, size_t size, int flags);
  int epoll_create1(int flags);
  int epoll_ctl(int epoll, int operation, int socket, bench_event *event);
  int epoll_wait(int epoll, bench_event *events, int most, int milliseconds);
  void _exit(int status);
]]

local C = ffi.C
local MONOTONIC, AF_INET, SOCK_STREAM, IPPROTO_TCP, TCP_NODELAY, EPOLLIN, EPOLL_CTL_ADD = 1, 2, 1, 6, 1, 1, 1
local LONGEST_ANSWER = 16384

local function now()
  local time = ffi.new("bench_time")
  C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function connected(port)
  local socket = C.socket(AF_INET, SOCK_STREAM, 0)
  local address = ffi.new("bench_address")
  address.family = AF_INET
  address.port = bit.bor(bit.lshift(bit.band(port, 255), 8), bit.rshift(port, 8))
  address.address = 0x0100007f -- 127.0.0.1, and nothing else
  assert(C.connect(socket, address, ffi.sizeof(address)) == 0, "no connection")
  C.setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, ffi.new("int[1]", 1), 4)
  return socket
end

local function run(connections, seconds, message)
  local epoll, events = C.epoll_create1(0), ffi.new("bench_event[?]", connections)
  local buffer, received = ffi.new("char[?]", LONGEST_ANSWER), {}
  for _ = 1, connections do
    local socket = connected(tonumber(wrk.port))
    C.epoll_ctl(epoll, EPOLL_CTL_ADD, socket, ffi.new("bench_event", { EPOLLIN, socket }))
    C.send(socket, message, #message, 0)
    received[socket] = ""
  end
  local count, errors, started, ended = 0, 0, now(), 0
  repeat
    for i = 0, C.epoll_wait(epoll, events, connections, 100) - 1 do
      local socket = tonumber(events[i].data)
      local size = tonumber(C.recv(socket, buffer, LONGEST_ANSWER, 0))
      assert(size > 0, size == 0 and "the server hung up" or "no answer: errno " .. ffi.errno())
      local answer = received[socket] .. ffi.string(buffer, size)
      if answer:sub(-4) == "\r\n\r\n" then
        count, received[socket] = count + 1, ""
        if answer:sub(10, 12) ~= "200" then errors = errors + 1 end
        C.send(socket, message, #message, 0)
      else
        received[socket] = answer
      end
    end
    ended = now()
  until ended - started >= seconds
  return count, errors, ended - started
end

function init(args)
  local lines = { "HEAD " .. args[3] .. " HTTP/1.1", "Host: " .. wrk.host .. ":" .. wrk.port }
  for i = 4, #args do lines[#lines + 1] = args[i] end
  local message = table.concat(lines, "\r\n") .. "\r\n\r\n"
  local count, errors, seconds = run(tonumber(args[1]), tonumber(args[2]), message)
  io.write(string.format("RESULT count=%d seconds=%.6f errors=%d\n", count, seconds, errors))
  io.flush()
  C._exit(0)
end
