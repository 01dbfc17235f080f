# fish completion for devstate. Generated: see scripts/generate.js.

# Whether the line is at this command; without one: whether it has none yet.
function __devstate_at
    set -l command
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word -u --url --context --ca --cert --key -n --namespace --dialect -o --output --fields --color --request-timeout
            set skip yes
        else if not string match -q -- '-*' $word
            set command $word
            break
        end
    end
    test "$command" = "$argv[1]"
end

complete -c devstate -f
complete -c devstate -s u -l url -x -d 'Redis: redis://[user@]host[:port][/db], rediss://…, unix:///path[?db=N], redis-sentinel://h1,h2#master, redis-cluster://h1,h2'
complete -c devstate -l context -x -d 'the server of that name, see devstate context'
complete -c devstate -l ca -r -F -d 'TLS: whom to trust, instead of the authorities of the system (PEM)'
complete -c devstate -l cert -r -F -d 'TLS: the client\'s certificate (PEM)'
complete -c devstate -l key -r -F -d 'TLS: the key of --cert (PEM)'
complete -c devstate -l insecure -d 'TLS: trust whoever answers'
complete -c devstate -s n -l namespace -x -d 'put NAME: before every key and channel'
complete -c devstate -l dialect -x -a 'node python' -d 'field names and time units of new records, where the fleet has none'
complete -c devstate -s o -l output -x -a 'table wide json ndjson yaml csv name' -d 'how to print'
complete -c devstate -l json -d 'the same as -o json'
complete -c devstate -l fields -x -d 'print these fields: a,b.c'
complete -c devstate -l no-headers -d 'tables without their header'
complete -c devstate -l color -x -a 'auto always never' -d 'colours; beats NO_COLOR'
complete -c devstate -s q -l quiet -d 'no notices, hints or progress'
complete -c devstate -s v -l verbose -d 'say more of what goes on; twice: stack traces'
complete -c devstate -l read-only -d 'refuse every write'
complete -c devstate -l request-timeout -x -d 'for connecting and for each command (default 5s)'
complete -c devstate -s h -l help -d 'show help'
complete -c devstate -s V -l version -d 'show the version'

complete -c devstate -n __devstate_at -a 'register' -d 'Register a device, or update its type, metadata and TTL'
complete -c devstate -n __devstate_at -a 'heartbeat' -d 'Send a heartbeat for devices, once or until stopped'
complete -c devstate -n __devstate_at -a 'get' -d 'Show the whole state of devices'
complete -c devstate -n __devstate_at -a 'list' -d 'List registered devices'
complete -c devstate -n __devstate_at -a 'stats' -d 'Count devices: registered, online, offline, never seen, lapsed and not yet found'
complete -c devstate -n __devstate_at -a 'history' -d 'Show what changed and when: reports, desired states, presence'
complete -c devstate -n __devstate_at -a 'unregister' -d 'Remove devices and all that is kept of them'
complete -c devstate -n __devstate_at -a 'list-online' -d 'List the devices that are online now'
complete -c devstate -n __devstate_at -a 'stale' -d 'List devices that have not been seen for long, oldest first'
complete -c devstate -n __devstate_at -a 'watch-presence' -d 'Watch devices come and go'
complete -c devstate -n __devstate_at -a 'detect' -d 'Find devices that fell silent, and announce them'
complete -c devstate -n __devstate_at -a 'disconnect' -d 'Take devices offline at once, as their own goodbye does'
complete -c devstate -n __devstate_at -a 'set-desired' -d 'Merge into the desired state of a device and tell it'
complete -c devstate -n __devstate_at -a 'delta' -d 'Compare the desired state of a device with what it reports'
complete -c devstate -n __devstate_at -a 'init' -d 'Declare what the fleet is: its dialect, and whether other programs write to it'
complete -c devstate -n __devstate_at -a 'context' -d 'Keep servers by name: URL, namespace, dialect, certificates, what may be done there'
complete -c devstate -n __devstate_at -a 'acl' -d 'Print the command that makes a Redis user for a role, with the least permissions it needs'
complete -c devstate -n __devstate_at -a 'demo' -d 'Show the whole story on a server of its own, in a few seconds'
complete -c devstate -n __devstate_at -a 'completion' -d 'Print a completion script for your shell'

complete -c devstate -n '__devstate_at register' -l type -x -d 'device type'
complete -c devstate -n '__devstate_at register' -l meta -x -d 'metadata: KEY=VALUE, {…}, @FILE or -; replaces the whole'
complete -c devstate -n '__devstate_at register' -l ttl -x -d 'how long the device\'s heartbeats hold'
complete -c devstate -n '__devstate_at register' -l if-new -d 'fail if it is registered already'
complete -c devstate -n '__devstate_at register' -s f -l file -r -F -d 'devices as NDJSON, one a line; - is standard input'
complete -c devstate -n '__devstate_at register' -l csv -d 'the file is CSV, its first line names the fields; so is any .csv'
complete -c devstate -n '__devstate_at register' -l fail-fast -d 'with -f: begin nothing after a line that fails'
complete -c devstate -n '__devstate_at register' -s y -l yes -d 'do not ask'

complete -c devstate -n '__devstate_at heartbeat' -l report -x -d 'reported state: KEY=VALUE, {…}, @FILE or -; replaces it'
complete -c devstate -n '__devstate_at heartbeat' -l merge -d 'merge the report into what is there (RFC 7396)'
complete -c devstate -n '__devstate_at heartbeat' -l ttl -x -d 'how long this beat holds'
complete -c devstate -n '__devstate_at heartbeat' -l register -d 'register unknown devices on the fly, as of --type'
complete -c devstate -n '__devstate_at heartbeat' -l type -x -d 'device type for --register'
complete -c devstate -n '__devstate_at heartbeat' -l every -x -d 'keep beating until stopped'
complete -c devstate -n '__devstate_at heartbeat' -l count -x -d 'with --every: stop after so many'
complete -c devstate -n '__devstate_at heartbeat' -s f -l file -r -F -d 'heartbeats as NDJSON, one a line; - is standard input'
complete -c devstate -n '__devstate_at heartbeat' -l fail-fast -d 'with -f: begin nothing after a line that fails'
complete -c devstate -n '__devstate_at heartbeat' -s y -l yes -d 'do not ask'

complete -c devstate -n '__devstate_at get' -l at -x -d 'as it was then: 2h ago, 2026-11-24T10:00Z, epoch ms'

complete -c devstate -n '__devstate_at list' -l status -x -a 'online offline never' -d 'only these'
complete -c devstate -n '__devstate_at list' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at list' -l with-state -d 'with reported, desired and metadata'
complete -c devstate -n '__devstate_at list' -l sort -x -a 'id last-seen expires' -d 'in this order; by id, and on a shared fleet, it holds the whole list first'
complete -c devstate -n '__devstate_at list' -l limit -x -d 'at most so many'
complete -c devstate -n '__devstate_at list' -l fail-if-empty -d 'exit 4 if there are none'

complete -c devstate -n '__devstate_at stats' -l by -x -a 'type' -d 'a row for each'
complete -c devstate -n '__devstate_at stats' -l watch -d 'again every two seconds, until stopped'

complete -c devstate -n '__devstate_at history' -l since -x -d 'not before: 2h ago, 2026-11-24T10:00Z, epoch ms'
complete -c devstate -n '__devstate_at history' -l until -x -d 'not after'
complete -c devstate -n '__devstate_at history' -l kind -x -d 'only these: reported,desired,presence'
complete -c devstate -n '__devstate_at history' -l limit -x -d 'the newest so many'
complete -c devstate -n '__devstate_at history' -l diff -d 'show which paths went from what to what'
complete -c devstate -n '__devstate_at history' -l follow -d 'go on with what changes from now on'

complete -c devstate -n '__devstate_at unregister' -s y -l yes -d 'do not ask'

complete -c devstate -n '__devstate_at list-online' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at list-online' -l limit -x -d 'at most so many'
complete -c devstate -n '__devstate_at list-online' -l sort -x -a 'expires id' -d 'in this order; by id, and on a shared fleet, it holds the whole list first'
complete -c devstate -n '__devstate_at list-online' -l fail-if-empty -d 'exit 4 if there are none'

complete -c devstate -n '__devstate_at stale' -l older-than -x -d 'not seen for that long (default 1h)'
complete -c devstate -n '__devstate_at stale' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at stale' -l no-never -d 'leave out devices that were never seen'
complete -c devstate -n '__devstate_at stale' -l fail-if-empty -d 'exit 4 if there are none'

complete -c devstate -n '__devstate_at watch-presence' -l type -x -d 'only devices of this type'
complete -c devstate -n '__devstate_at watch-presence' -l id -x -d 'only ids like this: * and ? stand for any'
complete -c devstate -n '__devstate_at watch-presence' -l since -x -d 'replay first: 15m, 2026-11-24T10:00Z, epoch ms, or after an event\'s id'
complete -c devstate -n '__devstate_at watch-presence' -l count -x -d 'stop after so many events'
complete -c devstate -n '__devstate_at watch-presence' -l for -x -d 'stop after that long; with --count, exit 4 if they did not come'
complete -c devstate -n '__devstate_at watch-presence' -l detect -d 'find devices that fall silent, too'
complete -c devstate -n '__devstate_at watch-presence' -l no-hold -d 'with --detect: pass verdicts even right after an outage'

complete -c devstate -n '__devstate_at detect' -l strategy -x -a 'deadline poll keyspace' -d 'deadline sleeps until the next one is due; the others are the article’s (default deadline)'
complete -c devstate -n '__devstate_at detect' -l interval -x -d 'of --strategy poll (default 10s)'
complete -c devstate -n '__devstate_at detect' -l audit -x -d 'how long a round over the whole fleet may take (default 5m)'
complete -c devstate -n '__devstate_at detect' -l once -d 'sweep once and end'
complete -c devstate -n '__devstate_at detect' -l no-hold -d 'pass verdicts even right after an outage'

complete -c devstate -n '__devstate_at disconnect' -s y -l yes -d 'do not ask'

complete -c devstate -n '__devstate_at set-desired' -l if-version -x -d 'only if the desired version is this one'
complete -c devstate -n '__devstate_at set-desired' -l replace -d 'replace the desired state instead of merging'
complete -c devstate -n '__devstate_at set-desired' -s y -l yes -d 'do not ask'

complete -c devstate -n '__devstate_at delta' -l exit-code -d 'exit 4 if they differ'

complete -c devstate -n '__devstate_at init' -l partitions -x -d 'how many parts its keys are in, while it holds no devices; a cluster needs some, say 64'
complete -c devstate -n '__devstate_at init' -l writers -x -a 'shared exclusive' -d 'exclusive: devstate alone, so that queries may go by the index, which is brought in line first'

complete -c devstate -n '__devstate_at context' -l protected -d 'set: ask before a write in bulk'
complete -c devstate -n '__devstate_at context' -l no-protected -d 'set: do not'
complete -c devstate -n '__devstate_at context' -l unset -x -a 'namespace dialect readOnly ca cert key insecure' -d 'set: take this away again'
complete -c devstate -n '__devstate_at context' -a 'list use show set remove'

complete -c devstate -n '__devstate_at acl' -l user -x -d 'the user\'s name (default: the role)'
complete -c devstate -n '__devstate_at acl' -l id -x -d 'device: the device that it beats for, may be repeated (default: the one of its name)'
complete -c devstate -n '__devstate_at acl' -a 'viewer operator device detector'

complete -c devstate -n '__devstate_at completion' -a 'bash zsh fish'
