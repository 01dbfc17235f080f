-- The decision whether a device is online: it is if its heartbeat key exists.
local GONE, ENDLESS = -2, -1 -- PTTL's replies for a key that does not exist, and for a key without a TTL

-- Returns 'online', 'offline' or 'held' (expired during a hold, so not announced), and adds the transition to the
-- device if it has not been announced. Nothing is written. `remaining` is the PTTL of the heartbeat key.
local function judge(device, remaining, score, now, held)
  if remaining ~= GONE then
    if not isAnnouncedOnline(device) then
      addTransition(device, 'online', now, 'observed', device.state[PRESENCE_AT], now)
    end
    return 'online'
  end
  if isAnnouncedOnline(device) then
    if held then return 'held' end
    addTimeout(device, score, now)
  end
  return 'offline'
end

-- Writes the fields `status` and `devstate` of the record, each only if it changed.
local function writePresence(stateKey, device, status)
  local fields = {}
  if device.events then fields = {'devstate', packState(device.state)} end
  if device.status ~= status then
    table.insert(fields, device.dialect.status)
    table.insert(fields, status)
  end
  if #fields > 0 then redis.call('HSET', stateKey, unpack(fields)) end
end
