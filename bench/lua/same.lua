-- Send the one request of the command line over and over, as wrk does by itself, and sum up like the others.
--
--   wrk … -s same.lua -H "Name: value" URL
--
-- Without a request() of its own the script costs nothing per request.

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT count=%d seconds=%.6f p50=%.6f p99=%.6f errors=%d\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
