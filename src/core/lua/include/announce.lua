-- Presence is announced by parity: an odd seq means last announced online. A transition
-- is first noted on the device, then told in one go, so that log, record, message and
-- history agree; history, which nothing depends on, comes last.
local function isAnnouncedOnline(device) return device.state[SEQ] % 2 == 1 end

local function transition(device, status, at, reason)
  local state = device.state
  local previous = state[PRESENCE_AT]
  state[SEQ] = state[SEQ] + 1
  state[PRESENCE_AT] = at
  device.events = device.events or {}
  table.insert(device.events,
    {status = status, at = at, reason = reason, seq = int(state[SEQ]), previous = previous})
end

-- When a lapsed device went: the deadline as far as it is known, never before what was
-- last heard or said of it, never in the future.
local function lapsedAt(device, score, now)
  return math.min(math.max(score or 0, device.lastSeen, device.state[PRESENCE_AT]), now)
end

-- nil: not in the index.
local function scoreOf(key, id) return tonumber(redis.call('ZSCORE', key, id)) end

local function log(key, device)
  for _, event in ipairs(device.events or {}) do
    event.id = redis.call('XADD', key, 'MAXLEN', '~', ARGV[4], '*', 'deviceId', device.id, 'deviceType', device.type,
      'status', event.status, 'timestamp', int(event.at), 'seq', event.seq, 'reason', event.reason,
      'previous', int(event.previous))
  end
end

local function publish(device)
  local dialect = device.dialect
  for _, event in ipairs(device.events or {}) do
    redis.call('PUBLISH', ARGV[3],
      '{"type":"presence","' .. dialect.id .. '":' .. quoted(device.id)
      .. ',"status":"' .. event.status .. '","timestamp":' .. instant(dialect, event.at)
      .. ',"' .. dialect.type .. '":' .. quoted(device.type)
      .. ',"seq":' .. event.seq .. ',"reason":"' .. event.reason .. '"}')
  end
end

local function rememberPresence(key, device)
  for _, event in ipairs(device.events or {}) do
    remember(key, '{"at":' .. int(event.at) .. ',"seq":' .. event.seq .. ',"status":"' .. event.status
      .. '","reason":"' .. event.reason .. '"}')
  end
end
