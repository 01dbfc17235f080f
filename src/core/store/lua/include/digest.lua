-- What devstate notes of a report in a field of its own, when it writes the report. A later heartbeat finds out by it,
-- without parsing and without a look at the history, that its report is certainly another value, and that no other
-- program changed the stored one in between.
--
-- The field has three words: a checksum of the report's text ('-' in an exclusive fleet, where no other program writes),
-- the version of the report, so that a report that was written without this field is noticed, and the digest of its
-- value, which the caller computes (model/json-digest.ts).
local DIGEST_FIELD = 'reportDigest'

-- The checksum is a prefix of SHA-1, of this many hexadecimal digits.
local CHECKSUM_DIGITS = 12

-- Returns the first two words of the field for a report, and the space after them.
local function digestPrefix(report, version, isExclusiveFleet)
  if isExclusiveFleet then return '- ' .. version .. ' ' end
  return string.sub(redis.sha1hex(report), 1, CHECKSUM_DIGITS) .. ' ' .. version .. ' '
end
