-- Presence is announced by parity: an odd seq means last announced online. A transition
-- is first noted on the device, then told in one go, so that log, record, message and
-- history agree; history, which nothing depends on, comes last.
local function isAnnouncedOnline(device) return device.state[SEQ] % 2 == 1 end

local function transition(device, status, at, reason)
  local state = device.state
  local event = {status = status, at = int(at), reason = reason, seq = int(state[SEQ] + 1), previous = int(state[PRESENCE_AT])}
  state[SEQ], state[PRESENCE_AT] = state[SEQ] + 1, at
  if device.events then table.insert(device.events, event) else device.events = {event} end
end

-- When a lapsed device went: the deadline as far as it is known, never before what was
-- last heard or said of it, never in the future.
local function lapsedAt(device, score, now)
  return math.min(math.max(score or 0, device.lastSeen, device.state[PRESENCE_AT]), now)
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
local function publish(historyKey, device)
  if not device.events then return end
  local dialect = device.dialect
  for _, event in ipairs(device.events) do
    redis.call('PUBLISH', ARGV[3],
      '{"type":"presence","' .. dialect.id .. '":' .. quoted(device.id) .. ',"status":"' .. event.status
      .. '","timestamp":' .. instant(dialect, tonumber(event.at)) .. ',"' .. dialect.type .. '":'
      .. quoted(device.type) .. ',"seq":' .. event.seq .. ',"reason":"' .. event.reason .. '"}')
    if historyKey then
      remember(historyKey, '{"at":' .. event.at .. ',"seq":' .. event.seq .. ',"status":"' .. event.status
        .. '","reason":"' .. event.reason .. '"}')
    end
  end
end
