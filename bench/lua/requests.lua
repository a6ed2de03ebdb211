-- Send requests that were made beforehand, over and over.
--
--   wrk … -s requests.lua URL -- FILE
--
-- A line of FILE is a request: method, path, headers and body, divided by tabs; headers are "Name: value"
-- divided by the unit separator (octet 31). Each thread goes round the file from a place of its own.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  requests = {}
  for line in io.lines(args[1]) do
    local method, path, listed, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in pairs(wrk.headers) do headers[name] = value end
    for name, value in listed:gmatch("([^:\31]+): ([^\31]*)") do headers[name] = value end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
  at = number * 7919 % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT count=%d seconds=%.6f p50=%.6f p99=%.6f errors=%d\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
