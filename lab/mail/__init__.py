"""The manager's mail: who waits is told by SMTP, with signed links to decide by; and a catcher for a lab without a mail
server. It must not know what a page looks like.
"""
