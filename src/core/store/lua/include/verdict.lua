-- The one verdict on whether a device is there: its heartbeat key decides. Notes the
-- transition that is due, and writes nothing. `remaining` is the key's PTTL.
local GONE, ENDLESS = -2, -1

local function judge(device, remaining, score, now, held)
  if remaining ~= GONE then
    if not isAnnouncedOnline(device) then
      transition(device, 'online', now, 'observed', device.state[PRESENCE_AT], now)
    end
    return 'online'
  end
  if isAnnouncedOnline(device) then
    if held then return 'held' end
    lapse(device, score, now)
  end
  return 'offline'
end

-- Writes status and parity where they changed.
local function writePresence(device, status)
  local fields = {}
  if device.events then fields = {'devstate', packState(device.state)} end
  if device.status ~= status then
    table.insert(fields, device.dialect.status)
    table.insert(fields, status)
  end
  if #fields > 0 then redis.call('HSET', device.key, unpack(fields)) end
end
