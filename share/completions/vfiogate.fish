function __vfiogate_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __vfiogate_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __vfiogate_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __vfiogate_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __vfiogate_parse_tokens -S
    set -l unparsed_tokens (__vfiogate_tokens -pc)
    switch $unparsed_tokens[1]
    case 'vfiogate'
        __vfiogate_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'predict'
            __vfiogate_parse_subcommand 0 'ats=' 'backend=' 'kernel-ats=' 'capability=' 'bus=' 'capability-list=' 'extended-list=' 'host=' 'behaviour=' 'id=' 'table' 'format=' 'version' 'h/help'
        case 'lint'
            __vfiogate_parse_subcommand -r 1 'input=' 'guest=' 'host=' 'policy=' 'inherited-fds' 'fd=+' 'qemu=' 'behaviour=' 'fail-on=' 'on-unknown=' 'format=' 'min-severity=' 'summary' 'verbose' 'version' 'h/help'
        case 'run'
            __vfiogate_parse_subcommand -r 1 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'guard' 'log=' 'annotate' 'dry-run' 'verbose' 'version' 'h/help'
        case 'hook'
            __vfiogate_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'libvirt'
                __vfiogate_parse_subcommand -r 1 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'version' 'h/help'
            case 'kubevirt'
                __vfiogate_parse_subcommand 0 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'vmi=' 'domain=' 'version' 'h/help'
            case 'install'
                __vfiogate_parse_subcommand 0 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'dir=' 'version' 'h/help'
            end
        case 'proxy'
            __vfiogate_parse_subcommand 0 'listen=' 'qmp=' 'host=' 'policy=' 'on-unknown=' 'log=' 'log-format=' 'mode=' 'clients=' 'allow-uid=+' 'pin-ats' 'version' 'h/help'
        case 'probe'
            __vfiogate_parse_subcommand -r 1 'bind' 'host=' 'record=' 'config=' 'format=' 'version' 'h/help'
        case 'explain'
            __vfiogate_parse_subcommand 1 'version' 'h/help'
        case 'help'
            __vfiogate_parse_subcommand -r 1 'version'
        end
    end
end

function __vfiogate_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __vfiogate_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __vfiogate_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __vfiogate_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__vfiogate_tokens -p)
    if test -z "$(__vfiogate_tokens -t)"
        set -l index (count (__vfiogate_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'vfiogate' -f
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'predict' -d 'Say what QEMU does about ATS, from nothing but these arguments.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'lint' -d 'Judge QEMU command lines, device_add requests and libvirt XML.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'run' -d 'Judge a QEMU command line, and start it unless it is refused.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'hook' -d 'Judge guests as libvirt or KubeVirt are about to start them.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'proxy' -d 'Stand between QMP clients and QEMU, and refuse what kills the guest.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'probe' -d 'Show what the host says about its PCI devices, or decode a config-space image.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'explain' -d 'Print why a rule exists and what to do about it, or list all rules.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" ats' -l 'ats' -d 'The device\'s ats property; without this it is not given, which QEMU takes for auto.' -rfka 'on off auto'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" backend' -l 'backend' -d 'iommufd exactly when the device has an iommufd= link.' -rfka 'iommufd legacy unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" kernel-ats' -l 'kernel-ats' -d 'What the kernel\'s IOMMU_GET_HW_INFO says (Linux 7.1); `supported` is a clear flag.' -rfka 'supported unsupported unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" capability' -l 'capability' -d 'The ATS extended capability of the host device.' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" bus' -l 'bus' -d 'Whether the device is PCI Express on an Express guest bus.' -rfka 'express conventional unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" capability-list' -l 'capability-list' -d 'The standard capability list of the host device.' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" extended-list' -l 'extended-list' -d 'The extended capability list of the host device.' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" host' -l 'host' -d 'The host device, as QEMU\'s host property.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" behaviour' -l 'behaviour' -d 'v3: as posted; 11.1: as shipped; none: QEMU without the property.' -rfka 'v3 11.1 none'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" id' -l 'id' -d 'The guest device\'s id.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" table' -l 'table' -d 'Print the whole decision of the behaviour as a table.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" format' -l 'format' -d 'text, json, or markdown for --table.' -rfka 'text json markdown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" input' -l 'input' -d 'How the definitions are written: shell, lines, nul, qmp or xml. By content without this.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" guest' -l 'guest' -d 'The command line of the running guest that device_add requests go into.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" host' -l 'host' -d 'live, none, a recording that `vfiogate probe --record` made, or a folder of them for a table of hosts.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" policy' -l 'policy' -d 'What is allowed: a file, or none. The .vfiogate.conf beside the definition without this.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" inherited-fds' -l 'inherited-fds' -d 'fd=N of a definition is descriptor N of this process, as QEMU will inherit it.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint"' -l 'fd' -d 'NAME=N: fd=NAME, which getfd gives the monitor, is descriptor N of this process.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" qemu' -l 'qemu' -d 'A released version, a QEMU program\'s path to start and ask, qmp:PATH of a running one, or none.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" behaviour' -l 'behaviour' -d 'Assert the ats behaviour instead: v3, 11.1 or none.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" fail-on' -l 'fail-on' -d 'The least severity that exits 1: error, warning or note.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" on-unknown' -l 'on-unknown' -d 'What an undetermined verdict does: refuse exits 2, warn does not. Refuse, unless --host none.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" format' -l 'format' -d 'text, json, sarif (2.1.0), github (annotations) or junit.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" min-severity' -l 'min-severity' -d 'The least severity that is printed: error, warning or note. What exits 1 is --fail-on\'s.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" summary' -l 'summary' -d 'Print only what the run came to; goes with --format text.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" verbose' -l 'verbose' -d 'Say what could not be told, and why.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" host' -l 'host' -d 'live, none, or a recording that `vfiogate probe --record` made.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" qemu' -l 'qemu' -d 'As for lint. Without this, the program that is started is asked.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" fail-on' -l 'fail-on' -d 'The least severity that refuses: error, warning or note.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" on-unknown' -l 'on-unknown' -d 'What an undetermined verdict does: refuse exits 2, warn starts it.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" policy' -l 'policy' -d 'The policy: what is allowed, and how bad a finding is.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" guard' -l 'guard' -d 'Guard every QMP monitor with a proxy, as `vfiogate proxy` does, at the address that clients expect.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" log' -l 'log' -d 'Where the guards write what they decide; standard error without this.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" annotate' -l 'annotate' -d 'Say below each ATS warning on QEMU\'s standard error which device it is about.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" dry-run' -l 'dry-run' -d 'Only say what would be done.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" verbose' -l 'verbose' -d 'Say what could not be told, and the prediction for every device.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'libvirt' -d 'Be libvirt\'s hook for QEMU guests.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'kubevirt' -d 'Be KubeVirt\'s onDefineDomain hook, also when called by that name.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'install' -d 'Put a script into libvirt\'s folder of hooks that calls this program.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" host' -l 'host' -d 'live, none, or a recording that `vfiogate probe --record` made.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" qemu' -l 'qemu' -d 'A released version, a program\'s path to start and ask each time, or none: nothing is known of it.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" fail-on' -l 'fail-on' -d 'The least severity that refuses: error, warning or note.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" on-unknown' -l 'on-unknown' -d 'What an undetermined verdict does: refuse, or warn.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" policy' -l 'policy' -d 'The policy: what is allowed for which guest, and how bad a finding is.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" host' -l 'host' -d 'live, none, or a recording that `vfiogate probe --record` made.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" qemu' -l 'qemu' -d 'A released version, a program\'s path to start and ask each time, or none: nothing is known of it.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" fail-on' -l 'fail-on' -d 'The least severity that refuses: error, warning or note.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" on-unknown' -l 'on-unknown' -d 'What an undetermined verdict does: refuse, or warn.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" policy' -l 'policy' -d 'The policy: what is allowed for which guest, and how bad a finding is.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" vmi' -l 'vmi' -d 'The VirtualMachineInstance in JSON.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" domain' -l 'domain' -d 'The domain in libvirt\'s XML; it goes to standard output unchanged.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" host' -l 'host' -d 'live, none, or a recording that `vfiogate probe --record` made.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" qemu' -l 'qemu' -d 'A released version, a program\'s path to start and ask each time, or none: nothing is known of it.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" fail-on' -l 'fail-on' -d 'The least severity that refuses: error, warning or note.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" on-unknown' -l 'on-unknown' -d 'What an undetermined verdict does: refuse, or warn.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" policy' -l 'policy' -d 'The policy: what is allowed for which guest, and how bad a finding is.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" dir' -l 'dir' -d 'libvirt\'s folder of hooks.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" listen' -l 'listen' -d 'Where clients connect: a path, fd:N, or systemd.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" qmp' -l 'qmp' -d 'QEMU\'s monitor: the path of its socket, or fd:N, connected and nothing said.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" host' -l 'host' -d 'live, none, or a recording that `vfiogate probe --record` made.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" policy' -l 'policy' -d 'The policy that says what is allowed; what kills the guest whatever it is like is refused all the same.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" on-unknown' -l 'on-unknown' -d 'What is done when it cannot be told: refuse or warn. Without it: refuse what may kill the guest.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" log' -l 'log' -d 'Decisions, one line each: a file, or - for standard error.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" log-format' -l 'log-format' -d 'text, or json for one object a line.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" mode' -l 'mode' -d 'enforce, or observe, which refuses nothing and logs what it would refuse.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" clients' -l 'clients' -d 'How many clients are served at once; others wait ungreeted.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy"' -l 'allow-uid' -d 'A user id that may connect; may be given more than once. Without it: who can open the socket.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" pin-ats' -l 'pin-ats' -d 'Write the effective ats into requests that leave it out, so that no -global can change it.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" bind' -l 'bind' -d 'Ask the kernel whether ATS is supported. Resets the named devices.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" host' -l 'host' -d 'live, or a recording.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" record' -l 'record' -d 'Write a recording of the host here; - is standard output.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" config' -l 'config' -d 'Decode a config-space image instead: raw bytes, or lspci -xxx/-xxxx text; - is standard input.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" format' -l 'format' -d 'text, json, or prometheus for the node exporter\'s textfile collector.' -rfka 'text json prometheus'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate explain" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate explain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate help" version' -l 'version' -d 'Show the version.'
