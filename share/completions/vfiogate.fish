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
            __vfiogate_parse_subcommand 0 'ats=' 'backend=' 'kernel-ats=' 'capability=' 'bus=' 'capability-list=' 'extended-list=' 'host=' 'behaviour=' 'id=' 'table' 'format=' 'color=' 'version' 'h/help'
        case 'lint'
            __vfiogate_parse_subcommand -r 1 'input=' 'follow-root=+' 'guest=' 'host=' 'root=' 'policy=' 'inherited-fds' 'fd=+' 'qemu=' 'rehearse=' 'no-rehearse' 'behaviour=' 'fail-on=' 'on-unknown=' 'format=' 'min-severity=' 'summary' 'verbose' 'explain' 'color=' 'version' 'h/help'
        case 'run'
            __vfiogate_parse_subcommand -r 1 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'no-rehearse' 'guard' 'log=' 'annotate' 'dry-run' 'verbose' 'color=' 'version' 'h/help'
        case 'hook'
            __vfiogate_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'libvirt'
                __vfiogate_parse_subcommand -r 1 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'rehearse' 'version' 'h/help'
            case 'kubevirt'
                __vfiogate_parse_subcommand 0 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'vmi=' 'domain=' 'version' 'h/help'
            case 'install'
                __vfiogate_parse_subcommand 0 'host=' 'qemu=' 'fail-on=' 'on-unknown=' 'policy=' 'rehearse' 'dir=' 'version' 'h/help'
            end
        case 'proxy'
            __vfiogate_parse_subcommand 0 'listen=' 'qmp=' 'host=' 'policy=' 'on-unknown=' 'profile=' 'allow=+' 'log=' 'log-format=' 'mode=' 'clients=' 'allow-uid=+' 'emulator=' 'no-rehearse' 'pin-ats' 'version' 'h/help'
        case 'probe'
            __vfiogate_parse_subcommand -r 1 'bind' 'host=' 'root=' 'diff=+' 'definitions=+' 'qemu=' 'record=' 'config=' 'format=' 'color=' 'version' 'h/help'
        case 'ready'
            __vfiogate_parse_subcommand -r 1 'host=' 'root=' 'qemu=' 'format=' 'color=' 'version' 'h/help'
        case 'plan'
            __vfiogate_parse_subcommand -r 1 'for=' 'memory=' 'viommu' 'hugepages' 'host=' 'root=' 'qemu=' 'version' 'h/help'
        case 'topology'
            __vfiogate_parse_subcommand -r 1 'host=' 'root=' 'format=' 'color=' 'version' 'h/help'
        case 'explain'
            __vfiogate_parse_subcommand 1 'color=' 'version' 'h/help'
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
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'predict' -d 'Predict what QEMU does with the ats property, from facts given as options.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'lint' -d 'Check QEMU command lines, device_add requests, libvirt XML and Proxmox configurations.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'run' -d 'Check a QEMU command line, and start it unless it is refused.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'hook' -d 'Check guests when libvirt or KubeVirt starts them.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'proxy' -d 'Forward QMP between clients and QEMU, and refuse commands that would crash the guest.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'probe' -d 'Show a host\'s PCI devices as passthrough sees them, or decode a config-space image.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'ready' -d 'Check whether devices of a host can be given to a guest, without any definition.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'plan' -d 'Write the smallest definition that assigns devices to a guest.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'topology' -d 'Draw a host\'s PCI topology, or name the paths between devices.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'explain' -d 'Explain a rule and its fix, or list all rules.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" ats' -l 'ats' -d 'The device\'s ats property. Default: not given, which QEMU treats as auto.' -rfka 'on off auto'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" backend' -l 'backend' -d 'iommufd if the device has an iommufd= link, else legacy.' -rfka 'iommufd legacy unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" kernel-ats' -l 'kernel-ats' -d 'The kernel\'s answer about ATS: supported, or unsupported (IOMMU_GET_HW_INFO sets the flag PCI_ATS_NOT_SUPPORTED, Linux 7.1).' -rfka 'supported unsupported unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" capability' -l 'capability' -d 'The ATS extended capability in the configuration space of the host device.' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" bus' -l 'bus' -d 'Guest bus of the device: express (a PCI Express device on a PCI Express bus) or conventional.' -rfka 'express conventional unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" capability-list' -l 'capability-list' -d 'The list of standard capabilities in the host device\'s configuration space (Status register, bit 4).' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" extended-list' -l 'extended-list' -d 'The list of extended capabilities in the host device\'s configuration space (from offset 100h).' -rfka 'present absent unknown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" host' -l 'host' -d 'Host device that the messages name, in the syntax of QEMU\'s host property. Required without --table.' -rfka '(ls /sys/bus/pci/devices 2> /dev/null)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" behaviour' -l 'behaviour' -d 'Behaviour of the ats property: v3 (the patch as posted), 11.1 (as released), or none (QEMU without it).' -rfka 'v3 11.1 none'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" id' -l 'id' -d 'The device\'s id in the guest.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" table' -l 'table' -d 'Print the decisions for all inputs as a table.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" format' -l 'format' -d 'Output format: text or json; with --table also markdown.' -rfka 'text json markdown'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate predict" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate lint" -ge 1' -F
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" input' -l 'input' -d 'Input format: shell, lines, nul, json, qmp, hmp, xml, proxmox, readconfig, systemd, libvirt-log, python, yaml or toml. Default: by content.' -rfka 'shell lines nul qmp xml hmp readconfig proxmox systemd json python yaml toml libvirt-log'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint"' -l 'follow-root' -d 'Folder from which files that a definition includes may be read too; can be repeated. Default: only the folder of the definition.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" guest' -l 'guest' -d 'File with the command line of the running guest, into which the device_add requests plug.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" host' -l 'host' -d 'live (this machine), none (read no host), a recording that `vfiogate probe --record` wrote, text of `lspci -xxxx -nn -D`, or a folder of recordings for a table of hosts.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" root' -l 'root' -d 'Read the host\'s /sys, /proc, /dev, /etc and /boot below this folder: a container\'s /host, or an unpacked support archive. User and memory limit are then unknown. Not with --host.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity; none uses no policy. Default: the .vfiogate.conf next to the definition, or above it up to a named directory.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" inherited-fds' -l 'inherited-fds' -d 'Resolve fd=N in a definition as descriptor N of this process, which QEMU will inherit.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint"' -l 'fd' -d 'NAME=N: resolve fd=NAME, a name that getfd will assign, as descriptor N of this process.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1; others make realize undetermined), the path of a program to start and query, qmp:PATH of a running QEMU, or none if unknown.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" rehearse' -l 'rehearse' -d 'QEMU program that rehearses each definition: a path, or emulator for the program that the definition names.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" no-rehearse' -l 'no-rehearse' -d 'Query the program of --qemu only, and rehearse nothing.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" behaviour' -l 'behaviour' -d 'Behaviour of the ats property, regardless of --qemu: v3 (the patch as posted), 11.1 (as released), or none (QEMU without it).' -rfka 'v3 11.1 none'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" fail-on' -l 'fail-on' -d 'Lowest severity that makes the exit code 1: error, warning or note.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" on-unknown' -l 'on-unknown' -d 'Effect of an undetermined verdict: refuse (exit code 2) or warn (as if it were safe, but reported).' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" format' -l 'format' -d 'Output format: text, oneline (one line a finding), json, sarif (2.1.0), github (annotations) or junit.' -rfka 'text oneline json sarif github junit'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" min-severity' -l 'min-severity' -d 'Lowest severity to print: error, warning or note. Does not affect the exit code; see --fail-on.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" summary' -l 'summary' -d 'Print only the summary. Requires --format text.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" verbose' -l 'verbose' -d 'Print also the rules that could not be determined, with the reasons, and the findings that the policy allows.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" explain' -l 'explain' -d 'Print the reason (why:) with every finding, not only with the first finding of each rule.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" color' -l 'color' -d 'Colour the text: auto (at a terminal, unless NO_COLOR is set or TERM is dumb), always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate lint" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" host' -l 'host' -d 'live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to query and rehearse, qmp:PATH of a running QEMU, or none if unknown. Only a program is rehearsed. Default: the program to start.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" fail-on' -l 'fail-on' -d 'Lowest severity that refuses: error, warning or note.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" on-unknown' -l 'on-unknown' -d 'Action on an undetermined verdict: refuse (exit code 2) or warn (start QEMU).' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity. Default: no policy.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" no-rehearse' -l 'no-rehearse' -d 'Do not rehearse the command line.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" guard' -l 'guard' -d 'Put a proxy (see `vfiogate proxy`) in front of every QMP monitor, at the address that clients expect.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" log' -l 'log' -d 'File for the log of these proxies\' decisions. Default: standard error; none with -daemonize.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" annotate' -l 'annotate' -d 'Add a line with the device\'s name after each ATS warning on QEMU\'s standard error.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" dry-run' -l 'dry-run' -d 'Print what would be done. QEMU is started only to query and rehearse it.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" verbose' -l 'verbose' -d 'Print also the rules that could not be determined, with the reasons, and the prediction for every device.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate run" -ge 1' -F
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'libvirt' -d 'Run as libvirt\'s QEMU hook.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'kubevirt' -d 'Run as KubeVirt\'s onDefineDomain hook, also when called by that name.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate hook" -eq 1' -fa 'install' -d 'Write the script by which libvirt calls this program when it starts a guest.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" host' -l 'host' -d 'live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to start and query at each start of a guest, emulator for the program that a libvirt domain names (not with KubeVirt), or none if unknown: whether QEMU accepts a device is then undetermined, and --on-unknown refuse refuses every guest with passthrough.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" fail-on' -l 'fail-on' -d 'Lowest severity that refuses: error, warning or note.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" on-unknown' -l 'on-unknown' -d 'Action on an undetermined verdict: refuse the start, or warn and let it happen.' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity. Default: no policy.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" rehearse' -l 'rehearse' -d 'Start the program of --qemu with the domain\'s machine type and PCI devices too, stopped and without the host\'s devices, before the guest starts: its refusal refuses the guest. It takes 0.1 s as a rule, and 10 s at most.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook libvirt" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" host' -l 'host' -d 'live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to start and query at each start of a guest, emulator for the program that a libvirt domain names (not with KubeVirt), or none if unknown: whether QEMU accepts a device is then undetermined, and --on-unknown refuse refuses every guest with passthrough.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" fail-on' -l 'fail-on' -d 'Lowest severity that refuses: error, warning or note.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" on-unknown' -l 'on-unknown' -d 'Action on an undetermined verdict: refuse the start, or warn and let it happen.' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity. Default: no policy.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" vmi' -l 'vmi' -d 'VirtualMachineInstance as JSON.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" domain' -l 'domain' -d 'Domain as libvirt XML; it is printed unchanged to standard output.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook kubevirt" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" host' -l 'host' -d 'live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1), the path of a program to start and query at each start of a guest, emulator for the program that a libvirt domain names (not with KubeVirt), or none if unknown: whether QEMU accepts a device is then undetermined, and --on-unknown refuse refuses every guest with passthrough.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" fail-on' -l 'fail-on' -d 'Lowest severity that refuses: error, warning or note.' -rfka 'note warning error'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" on-unknown' -l 'on-unknown' -d 'Action on an undetermined verdict: refuse the start, or warn and let it happen.' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity. Default: no policy.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" rehearse' -l 'rehearse' -d 'Start the program of --qemu with the domain\'s machine type and PCI devices too, stopped and without the host\'s devices, before the guest starts: its refusal refuses the guest. It takes 0.1 s as a rule, and 10 s at most.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" dir' -l 'dir' -d 'Folder of libvirt\'s hooks; the script is qemu.d/50-vfiogate in it.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate hook install" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" listen' -l 'listen' -d 'Address for clients: the path of a socket, fd:N (an open descriptor), or systemd (the socket that systemd passes).' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" qmp' -l 'qmp' -d 'QEMU\'s monitor: the path of its socket, or fd:N, a connection on which nothing has been read or written.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" host' -l 'host' -d 'live (this machine), none (read no host), or a recording that `vfiogate probe --record` wrote.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" policy' -l 'policy' -d 'Policy file, which allows findings or changes their severity, but not of requests that would crash the guest. Default: no policy.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" on-unknown' -l 'on-unknown' -d 'Action on a plug about which a rule cannot be determined: refuse, or warn (it passes, with a line in the log; also where the rule is about a crash). Default: refuse where the rule is about a crash of the guest, else warn.' -rfka 'refuse warn'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" profile' -l 'profile' -d 'guest-safety (for clients that mean well) or untrusted (for clients that are not trusted).' -rfka 'guest-safety untrusted'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy"' -l 'allow' -d 'Command that passes although the profile would refuse it; can be repeated. With untrusted: a QMP command that changes only the guest, such as quit. With guest-safety: a command of the human monitor that vfiogate does not know.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" log' -l 'log' -d 'Log of decisions, one line each: a file, or - for standard error.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" log-format' -l 'log-format' -d 'Log format: text, or json for one object a line.' -rfka 'text json'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" mode' -l 'mode' -d 'enforce, or observe: refuse nothing, and log what would be refused.' -rfka 'enforce observe'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" clients' -l 'clients' -d 'Number of clients served at once, 1 to 64. A further client may connect, and gets its greeting when another disconnects.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy"' -l 'allow-uid' -d 'User id that may connect; can be repeated. Default: every user whom the permissions of the socket admit.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" emulator' -l 'emulator' -d 'QEMU program for the rehearsals. Default: that of the running QEMU.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" no-rehearse' -l 'no-rehearse' -d 'Do not rehearse plugs; those that are known to crash QEMU are still refused.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" pin-ats' -l 'pin-ats' -d 'Add ats=, with the value that holds now, to plugs that leave it out, so that no -global can change it.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate proxy" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate probe" -ge 1' -fka '(ls /sys/bus/pci/devices 2> /dev/null)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" bind' -l 'bind' -d 'Ask the kernel through iommufd whether it supports ATS for the named devices. RESETS them.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" host' -l 'host' -d 'live (this machine), a recording that `vfiogate probe --record` wrote, or text of `lspci -xxxx -nn -D`.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" root' -l 'root' -d 'Read the host\'s /sys, /proc, /dev, /etc and /boot below this folder: a container\'s /host, or an unpacked support archive. User and memory limit are then unknown. Not with --host.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe"' -l 'diff' -d 'Show what changed between two recordings, the older one first.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe"' -l 'definitions' -d 'With --diff: report the definitions of this file or folder whose verdict changes.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted for --definitions: a release (7.2, 10.0 or 11.1; others make realize undetermined), the path of a program to start and query, qmp:PATH of a running QEMU, or none if unknown.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" record' -l 'record' -d 'Write a recording of the host to this file; - is standard output.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" config' -l 'config' -d 'Decode a config-space image instead: raw bytes, or lspci -xxx/-xxxx text; - is standard input.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" format' -l 'format' -d 'Output format: text, json, or prometheus for the node exporter\'s textfile collector.' -rfka 'text json prometheus'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate probe" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate ready" -ge 1' -fka '(ls /sys/bus/pci/devices 2> /dev/null)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" host' -l 'host' -d 'live (this machine), a recording that `vfiogate probe --record` wrote, or text of `lspci -xxxx -nn -D`.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" root' -l 'root' -d 'Read the host\'s /sys, /proc, /dev, /etc and /boot below this folder: a container\'s /host, or an unpacked support archive. User and memory limit are then unknown. Not with --host.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1; others make realize undetermined), the path of a program to start and query, qmp:PATH of a running QEMU, or none if unknown.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" format' -l 'format' -d 'Output format: text or json.' -rfka 'text json'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate ready" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate plan" -ge 1' -fka '(ls /sys/bus/pci/devices 2> /dev/null)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" for' -l 'for' -d 'The program that runs the guest: libvirt, qemu, proxmox or kubevirt.' -rfka 'libvirt qemu proxmox kubevirt'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" memory' -l 'memory' -d 'Guest memory in GiB.' -rfka ''
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" viommu' -l 'viommu' -d 'Give the guest an IOMMU of its own: intel-iommu on x86, virtio-iommu on Arm. Not with --for kubevirt.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" hugepages' -l 'hugepages' -d 'Put guest memory on hugepages.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" host' -l 'host' -d 'live (this machine), a recording that `vfiogate probe --record` wrote, or text of `lspci -xxxx -nn -D`.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" root' -l 'root' -d 'Read the host\'s /sys, /proc, /dev, /etc and /boot below this folder: a container\'s /host, or an unpacked support archive. User and memory limit are then unknown. Not with --host.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" qemu' -l 'qemu' -d 'QEMU whose behaviour is predicted: a release (7.2, 10.0 or 11.1; others make realize undetermined), the path of a program to start and query, qmp:PATH of a running QEMU, or none if unknown.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate plan" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate topology" -ge 1' -fka '(ls /sys/bus/pci/devices 2> /dev/null)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" host' -l 'host' -d 'live (this machine), a recording that `vfiogate probe --record` wrote, or text of `lspci -xxxx -nn -D`.' -rF
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" root' -l 'root' -d 'Read the host\'s /sys, /proc, /dev, /etc and /boot below this folder: a container\'s /host, or an unpacked support archive. User and memory limit are then unknown. Not with --host.' -rfa '(__vfiogate_complete_directories)'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" format' -l 'format' -d 'Format of the picture: text, dot (Graphviz) or svg (for a browser). The table of paths is text.' -rfka 'text dot svg'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate topology" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate explain" -eq 1' -fka 'malformed-input policy-unknown-rule policy-expired dup-id fd-without-id realized-argument crashing-global sriov-pf-on-vfio ats-on-kernel-unsupported ats-on-no-cap ats-on-no-iommufd ats-on-conventional-bus ats-auto-old-kernel ats-noats-cmdline ats-vsmmu-mismatch ats-required-hidden ats-prop-unsupported-by-qemu ats-known-bad-device iommufd-missing-object iommufd-fd-without-object iommufd-no-cdev iommufd-perm iommufd-p2p iommufd-vf-token mixed-backends group-not-viable group-split-across-vms acs-override not-bound device-in-use device-gone-0xff dup-host-device unexpected-device host-not-ready host-still-uses-device host-display boot-vga-fb option-rom wrong-variant-driver not-endpoint pf-with-vfs vfio-denylisted noiommu-device no-reset device-in-two-definitions rmrr-direct memlock-too-low shared-memory-on-disk memlock-without-bars balloon-with-vfio confidential-legacy-backend vfio-not-migratable phys-bits-exceed-iommu bars-exceed-guest-addresses address-space-too-small grace-without-initiator vtd-aw-bits smmu-oas-exceeds-host ssidsize-exceeds-host hp-bar-window hp-root-bus hp-port-off hp-no-free-port hp-slot-busy hp-fn0-order hp-slot-not-zero hp-nohotplug-driver hp-while-migrating vtd-caching-mode vtd-snoop-control vtd-fsts-needs-iommufd amd-dma-remap viommu-after-device intremap-irqchip smmu-accel-needs-iommufd smmu-accel-spans-host-smmus smmu-accel-emulated-endpoint smmu-auto-needs-coldplug smmu-accel-needs-kvm smmu-accel-needs-acpi smmu-property-needs-accel no-pci-bus global-vfio-override xml-ssidsize-spelling xml-fork-attribute libvirt-refuses no-function-zero xml-not-qemu set-on-json-device second-monitor deletes-a-monitor unlisted-qom-property guest-back-door runs-a-program fd-of-another-client fd-in-use memory-plug-exceeds-limit replaces-a-socket blocking-file outside-profile unknown-command iommufd-wrong-descriptor host-unavailable crashes-qemu launch-fails rehearsal-fails crlf-line-ends unquoted-value realize-fails'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate explain" color' -l 'color' -d 'Colour the text: auto, always or never.' -rfka 'auto always never'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate explain" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate explain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_flags_or_options "vfiogate help" version' -l 'version' -d 'Show the version.'
complete -c 'vfiogate' -n '__vfiogate_should_offer_completions_for_positional "vfiogate help" -eq 1' -fka 'predict lint run hook proxy probe ready plan topology explain'
complete -c 'vfiogate' -n 'string match -qr "help +hook +[^ ]*\$" -- (commandline -cp)' -fka 'libvirt kubevirt install'
