-- Presence is announced by parity: an odd seq means last announced online. A transition
-- is first noted on the device, then told in one go, so that log, record, message and
-- history agree; history, which nothing depends on, comes last. `device.history` is the key
-- of its list; without one nothing is kept of it.
local function isAnnouncedOnline(device) return device.state[SEQ] % 2 == 1 end

-- Read once, with the first transition: nothing is written by then.
local function newestOf(device)
  if device.history and device.newest == nil then device.newest = newestEntry(device.history) end
  return device.newest
end

-- `unknownSince`: from then until now nobody knows whether it was there.
local function transition(device, status, at, reason, unknownSince, now)
  newestOf(device)
  local state = device.state
  local event = {status = status, at = int(at), reason = reason, seq = int(state[SEQ] + 1), previous = int(state[PRESENCE_AT])}
  if unknownSince and unknownSince < now then event.unknown = unknownBetween(unknownSince, now) end
  state[SEQ], state[PRESENCE_AT] = state[SEQ] + 1, at
  if device.events then table.insert(device.events, event) else device.events = {event} end
end

-- When anybody last beat for it, or registered it anew.
local function touchedAt(device) return math.max(device.lastSeen, registeredAt(device)) end

-- It beats. It has been offline since that was announced, or was registered, unless another
-- program's heartbeat shows: by its key, or by having been seen later.
local function arrive(device, alive, now)
  local since = device.state[PRESENCE_AT]
  local seen = device.state[SEQ] == 0 and device.lastSeen or touchedAt(device)
  transition(device, 'online', now, 'heartbeat', (alive or seen > since) and since, now)
end

-- It goes, and was there until the deadline that is known. Where another program beats for
-- it, that may have been until later, or with a lapse in between.
local function depart(device, at, reason, score, now)
  local deadline = math.min(math.max(score or 0, device.state[PRESENCE_AT]), now)
  local newest = newestOf(device)
  local isShared = touchedAt(device) >= (score or 0) or newest and not string.find(newest, '"heartbeat"}', 1, true)
  transition(device, 'offline', at, reason, isShared and deadline, now)
end

-- A lapsed device went at its deadline, never before what was last heard or said of it,
-- never in the future.
local function lapse(device, score, now)
  local at = math.min(math.max(score or 0, device.lastSeen, device.state[PRESENCE_AT]), now)
  depart(device, at, 'timeout', score, now)
end

-- nil: not in the index.
local function scoreOf(key, id) return tonumber(redis.call('ZSCORE', key, id)) end

local function log(key, device)
  if not device.events then return end
  for _, event in ipairs(device.events) do
    event.id = redis.call('XADD', key, 'MAXLEN', '~', ARGV[4], '*', 'deviceId', device.id, 'deviceType', device.type,
      'status', event.status, 'timestamp', event.at, 'seq', event.seq, 'reason', event.reason,
      'previous', event.previous)
  end
end

-- Tells whoever listens, and keeps it in the device's history.
local function publish(device)
  if not device.events then return end
  local dialect = device.dialect
  for _, event in ipairs(device.events) do
    redis.call('PUBLISH', ARGV[3],
      '{"type":"presence","' .. dialect.id .. '":' .. quoted(device.id) .. ',"status":"' .. event.status
      .. '","timestamp":' .. instant(dialect, tonumber(event.at)) .. ',"' .. dialect.type .. '":'
      .. quoted(device.type) .. ',"seq":' .. event.seq .. ',"reason":"' .. event.reason .. '"}')
    if device.history then
      remember(device.history, '{"at":' .. event.at .. ',"seq":' .. event.seq .. ',"status":"' .. event.status
        .. '","reason":"' .. event.reason .. '"' .. (event.unknown or '') .. '}')
    end
  end
end
