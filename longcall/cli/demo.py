"""`demo`: one job, watched by a subscription alone and by this client, while half of the pushes are lost."""

from longcall.cli.options import JsonOption, StackOption


def demo(*, as_json: JsonOption = False, stack: StackOption = None) -> None:
    """Watch a job while half of its pushes are lost.

    On the left is a subscription alone, which is all that AppSync offers. On the right is this client, which reads the
    job's log where a push is missing. It takes 20 seconds. The stack that runs in this folder is used; without one, the
    command starts one, and stops it in the end.
    """
    from longcall.cli.demo_screens import choose_screen
    from longcall.cli.demonstration import demonstrate

    demonstrate(stack, choose_screen(as_json=as_json))
