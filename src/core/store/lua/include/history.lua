-- History: a list of JSON entries for each kind, oldest first, never longer than its cap; a
-- cap of 0 keeps none. An entry is a change that devstate made. Other programs leave none:
-- where one had its hand in between, the next entry says when the state was not known,
-- "unknown":[from,to].

-- The newest entry; false: there is none. To be read before the first write: it raises where
-- another program made something else of the list.
local function newestEntry(key) return redis.call('LINDEX', key, '-1') end

local function unknownBetween(from, to) return ',"unknown":[' .. int(from) .. ',' .. int(to) .. ']' end

local function remember(key, entry)
  local cap = tonumber(ARGV[5])
  if cap == 0 then
    redis.call('LTRIM', key, '1', '0') -- what it held would lead to the next entry no more
  elseif redis.call('RPUSH', key, entry) > cap then
    redis.call('LTRIM', key, '-' .. ARGV[5], '-1')
  end
end

-- Where this is later than what came before, another program registered the device anew: its
-- documents were emptied, and it counts as never seen. Whoever reads a device to keep history
-- of it has `registered` as the first extra field.
local function registeredAt(device) return milliseconds(device.dialect, text(device.values[EXTRA])) end

-- Whether this text is the entry's document. Compared in place: documents may be long.
local function holds(entry, json)
  local _, before = string.find(entry, '"value":', 1, true)
  return before and #entry == before + #json + 1 and string.find(entry, json, before + 1, true) == before + 1
end

-- The entry of a document that becomes `value`; `stored` is what was found, `since` when
-- devstate wrote it last. `first`: nothing but the registration's empty document came before.
local function documentEntry(key, device, now, version, value, stored, since)
  local newest, note = newestEntry(key), ''
  if version == 1 then
    if stored == '' or stored == '{}' then note = ',"first":true' end
  elseif newest and not (holds(newest, stored) and registeredAt(device) <= since) then
    note = unknownBetween(since, now)
  end
  return '{"at":' .. int(now) .. ',"version":' .. int(version) .. note .. ',"value":' .. value .. '}'
end
