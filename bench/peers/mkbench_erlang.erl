%% SPDX-License-Identifier: BSD-2-Clause
%% The worker for Erlang's processes; see ../worker.h for what it says.
-module(mkbench_erlang).
-export([main/0]).

server() ->
    receive
        {From, Body} ->
            From ! {self(), Body},
            server();
        stop ->
            ok
    end.

round_trips(0, _, _) ->
    ok;
round_trips(N, Server, Body) ->
    Server ! {self(), Body},
    receive
        {Server, Answer} -> round_trips(N - 1, Server, Answer)
    end.

%% In a process of its own, so that garbage of the last run does not count.
measure(Nr) ->
    Main = self(),
    spawn_link(fun() ->
        Server = spawn_link(fun server/0),
        Start = erlang:monotonic_time(nanosecond),
        round_trips(Nr, Server, <<0:256>>),
        Main ! {took, erlang:monotonic_time(nanosecond) - Start},
        Server ! stop
    end),
    receive
        {took, Ns} -> Ns
    end.

loop() ->
    case io:get_line("") of
        eof ->
            halt(0);
        {error, _} ->
            halt(1);
        Line ->
            case string:lexemes(Line, " \n") of
                ["send", Nr] ->
                    measure(1000), %% to warm up
                    io:format("~b~n", [measure(list_to_integer(Nr))]);
                _ -> io:format("error: no such test~n")
            end,
            loop()
    end.

main() ->
    io:format("ready~n"),
    loop().
