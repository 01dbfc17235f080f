-- Reads the pulse (`pulse.lua`), and tells whether heartbeats have anything to add to it.

-- STAMP_MS: the shortest time between two writes of the pulse by heartbeats.
local STAMP_MS = 100

local function readPulse() return redis.call('GET', pulseKey) or '' end

-- Returns whether heartbeats have nothing to add to the pulse: its last heartbeat and its `change2` are both less than
-- STAMP_MS old.
local function isJustStamped(text, now)
  local last, change2 = string.match(text, '^(%d+) (%d+) %d+ ')
  return last and now - last < STAMP_MS and now - change2 < STAMP_MS and now >= tonumber(last)
end
