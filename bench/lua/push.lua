-- Push images that were made beforehand, one after the other, each request as the answer before it says.
--
--   wrk -t N -c N … -s push.lua URL -- PREFIX REPOSITORY
--
-- One connection a thread, so a thread's state is that of its connection:
--
--   POST → PUT config → POST → PUT layer → PUT manifest with a new tag → the next image
--
-- Thread n reads PREFIX.n: four lines an image, "config-digest layer-digest tag", config, layer, manifest.
-- Where the config is an empty line, both blobs are there already and only the manifest is pushed.
-- At the end of its file a thread leaves PREFIX.n.done and stops. wrk calls request() once more than it
-- sends, so only response() moves on.

local ffi = require("ffi")
ffi.cdef[[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *time);
]]

local MANIFEST = "application/vnd.oci.image.manifest.v1+json"
local MONOTONIC = 1
local threads = {}

local function now()
  local time = ffi.new("bench_time")
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  prefix, repository = args[1], args[2]
  images = {}
  for line in io.lines(prefix .. "." .. number) do images[#images + 1] = line end
  at, step, place = 1, "post config", nil
  finished, latencies, errors, first_error = 0, {}, 0, ""
  started, last = 0, 0
  next_image()
end

function next_image()
  if images[at] == nil then return false end
  config_digest, layer_digest, tag = images[at]:match("^(%S*) (%S*) (%S+)$")
  step = images[at + 1] == "" and "put manifest" or "post config"
  image_started = now()
  if at == 1 then started = image_started end
  return true
end

local function with_digest(digest)
  return place .. (place:find("?", 1, true) and "&" or "?") .. "digest=" .. digest
end

local function headers(media_type)
  local all = {}
  for name, value in pairs(wrk.headers) do all[name] = value end
  all["Content-Type"] = media_type
  return all
end

function request()
  if step == "post config" or step == "post layer" then
    return wrk.format("POST", "/v2/" .. repository .. "/blobs/uploads/", nil, "")
  elseif step == "put config" then
    return wrk.format("PUT", with_digest(config_digest), headers("application/octet-stream"), images[at + 1])
  elseif step == "put layer" then
    return wrk.format("PUT", with_digest(layer_digest), headers("application/octet-stream"), images[at + 2])
  else
    return wrk.format("PUT", "/v2/" .. repository .. "/manifests/" .. tag, headers(MANIFEST), images[at + 3])
  end
end

local FOLLOWING = {
  ["post config"] = "put config", ["put config"] = "post layer",
  ["post layer"] = "put layer", ["put layer"] = "put manifest",
}

function response(status, answer_headers, body)
  local wanted = (step == "post config" or step == "post layer") and 202 or 201
  if status ~= wanted then
    errors = errors + 1
    if first_error == "" then first_error = step .. ": " .. status .. " " .. body:sub(1, 300) end
    if errors > 20 then wrk.thread:stop() end
    return
  end
  if wanted == 202 then
    for name, value in pairs(answer_headers) do
      if name:lower() == "location" then place = value:gsub("^https?://[^/]+", "") end
    end
  end
  if step ~= "put manifest" then
    step = FOLLOWING[step]
    return
  end
  last = now()
  finished = finished + 1
  latencies[finished] = last - image_started
  at = at + 4
  if not next_image() then
    io.open(prefix .. "." .. number .. ".done", "w"):close()
    wrk.thread:stop()
  end
end

local function quantile(sorted, share)
  return #sorted == 0 and 0 or sorted[math.max(1, math.ceil(#sorted * share))]
end

function done(summary, latency, requests)
  local images_done, failed, what, from, to, all = 0, 0, "", math.huge, 0, {}
  for _, thread in ipairs(threads) do
    images_done = images_done + thread:get("finished")
    failed = failed + thread:get("errors")
    if what == "" then what = thread:get("first_error") end
    from, to = math.min(from, thread:get("started")), math.max(to, thread:get("last"))
    for _, seconds in ipairs(thread:get("latencies")) do all[#all + 1] = seconds end
  end
  table.sort(all)
  io.write(string.format("RESULT count=%d seconds=%.6f p50=%.6f p99=%.6f errors=%d\n",
    images_done, to - from, quantile(all, 0.5), quantile(all, 0.99), failed))
  if what ~= "" then io.write("ERROR " .. what:gsub("%s+", " ") .. "\n") end
end
